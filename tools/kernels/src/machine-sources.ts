/** One source of packages as apt's configuration states it, in either of its two file formats (sources.list(5)). */
export interface AptSource {
  readonly types: readonly string[];
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Keyring path, fingerprints or an embedded key with its line breaks, exactly as written. */
  readonly signedBy: string | undefined;
}

/** Where packages come from and what signs them. */
export interface Mirror {
  readonly uri: string;
  readonly signedBy: string | undefined;
}

/** Whole releases of Debian. `-updates`, `-security` and `-backports` suites live beside them and lack most kernels. */
const DEBIAN_RELEASES: ReadonlySet<string> = new Set([
  'oldoldstable',
  'oldstable',
  'stable',
  'testing',
  'unstable',
  'experimental',
  'sid',
  'bullseye',
  'bookworm',
  'trixie',
  'forky',
  'duke',
]);

const ONE_LINE_SOURCE = /^(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)(.*)$/;

/** Reads the one-line format of *.list files; comments and lines of other kinds are left out. */
export function parseOneLineSources(text: string): readonly AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = ONE_LINE_SOURCE.exec((line.split('#')[0] ?? '').trim());
    if (match === null) return [];
    const [, type = '', options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = words(options).find((option) => option.startsWith('signed-by='));
    return [
      {
        types: [type],
        uris: [uri],
        suites: [suite],
        components: words(components),
        signedBy: signedBy?.slice('signed-by='.length),
      },
    ];
  });
}

/** Reads the deb822 format of *.sources files; stanzas with `Enabled: no` are left out. */
export function parseDeb822Sources(text: string): readonly AptSource[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .map(stanzaFields)
    .filter((fields) => fields.has('types') && !/^(no|false|off|0)$/i.test(fields.get('enabled') ?? ''))
    .map((fields) => ({
      types: words(fields.get('types') ?? ''),
      uris: words(fields.get('uris') ?? ''),
      suites: words(fields.get('suites') ?? ''),
      components: words(fields.get('components') ?? ''),
      signedBy: fields.get('signed-by'),
    }));
}

/**
 * Picks the Debian mirror among the machine's sources: a binary source of a whole Debian release with the component
 * main. Third parties name their suites after Debian's too, so a path that ends in /debian goes first.
 *
 * @returns undefined where no source qualifies.
 */
export function chooseMirror(sources: readonly AptSource[]): Mirror | undefined {
  const candidates = sources
    .filter(({ types }) => types.includes('deb'))
    .filter(({ suites }) => suites.some((suite) => DEBIAN_RELEASES.has(suite)))
    .filter(({ components }) => components.includes('main'))
    .flatMap(({ uris, signedBy }) => uris.map((uri) => ({ uri, signedBy })))
    .filter(({ uri }) => !uri.startsWith('cdrom:'));
  return candidates.find(({ uri }) => /\/debian\/?$/.test(uri)) ?? candidates[0];
}

function stanzaFields(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const line of stanza.split('\n')) {
    const field = /^([A-Za-z-]+):(.*)$/.exec(line);
    if (field !== null) {
      const [, title = '', value = ''] = field;
      name = title.toLowerCase();
      fields.set(name, value.trim());
    } else if (name !== undefined && /^\s/.test(line)) {
      fields.set(name, `${fields.get(name) ?? ''}\n${line.trimEnd()}`);
    }
  }
  return fields;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
