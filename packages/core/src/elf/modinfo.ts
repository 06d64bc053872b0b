/** One `tag=value` of a `.modinfo` section, in file order. Untrusted text. */
export interface ModinfoTag {
  readonly tag: string;
  readonly value: string;
}

// ignoreBOM: a byte order mark is text like any other and stays.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Split the bytes of a `.modinfo` section: NUL-terminated `tag=value` strings. Runs of NUL are padding; a string
 * without `=` is a tag with an empty value.
 */
export function parseModinfo(bytes: Uint8Array): readonly ModinfoTag[] {
  const tags: ModinfoTag[] = [];
  let start = 0;
  while (start < bytes.length) {
    const nul = bytes.indexOf(0, start);
    const end = nul === -1 ? bytes.length : nul;
    if (end > start) {
      const text = decoder.decode(bytes.subarray(start, end));
      const equals = text.indexOf('=');
      tags.push(
        equals === -1
          ? { tag: text, value: '' }
          : { tag: text.slice(0, equals), value: text.slice(equals + 1) },
      );
    }
    start = end + 1;
  }
  return tags;
}

/** The value of the first tag of a name; undefined where there is none. */
export function modinfoValue(tags: readonly ModinfoTag[], name: string): string | undefined {
  return tags.find(({ tag }) => tag === name)?.value;
}

/**
 * The value of one tag without splitting the rest: a scan of thousands of modules asks for vermagic only.
 *
 * @returns undefined where the tag is missing.
 */
export function findModinfoValue(bytes: Uint8Array, name: string): string | undefined {
  const wanted = encoder.encode(`${name}=`);
  for (let start = 0; start < bytes.length;) {
    const nul = bytes.indexOf(0, start);
    const end = nul === -1 ? bytes.length : nul;
    if (wanted.every((byte, index) => bytes[start + index] === byte)) {
      return decoder.decode(bytes.subarray(start + wanted.length, end));
    }
    start = end + 1;
  }
  return undefined;
}
