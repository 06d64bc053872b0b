import { describe, expect, test } from 'vitest';
import { chooseMirror, parseDeb822Sources, parseOneLineSources } from '../src/machine-sources.ts';

const ONE_LINE = `# main archive
deb [ arch=amd64,arm64 signed-by=/keys/archive.gpg ] http://mirror.example/debian bookworm main contrib # comment
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main

deb cdrom:[Debian 12]/ bookworm main
#deb http://disabled.example/debian bookworm main
`;

const DEB822 = `Types: deb
# URIs: http://commented.example/debian
URIs: http://other.example/packages
Suites: bookworm
Components: main
Signed-By: /keys/other.gpg

Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: trixie trixie-updates
Components: main
 contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBFit
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: sid
Components: main
`;

describe('one-line sources', () => {
  test('options, suite, components and comments', () => {
    expect(parseOneLineSources(ONE_LINE)[0]).toEqual({
      types: ['deb'],
      uris: ['http://mirror.example/debian'],
      suites: ['bookworm'],
      components: ['main', 'contrib'],
      signedBy: '/keys/archive.gpg',
    });
  });

  test('commented lines are left out', () => {
    const uris = parseOneLineSources(ONE_LINE).flatMap((source) => source.uris);
    expect(uris).not.toContain('http://disabled.example/debian');
    expect(uris).toHaveLength(4);
  });
});

describe('deb822 sources', () => {
  const sources = parseDeb822Sources(DEB822);

  test('a comment inside a stanza does not end it', () => {
    expect(sources[0]?.uris).toEqual(['http://other.example/packages']);
  });

  test('values may continue on further lines', () => {
    expect(sources[1]?.components).toEqual(['main', 'contrib']);
    expect(sources[1]?.types).toEqual(['deb', 'deb-src']);
  });

  test('an embedded key keeps its line breaks', () => {
    expect(sources[1]?.signedBy).toBe(
      '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBFit\n -----END PGP PUBLIC KEY BLOCK-----',
    );
  });

  test('disabled stanzas are left out', () => {
    expect(sources).toHaveLength(2);
  });
});

describe('the mirror', () => {
  test('neither security suites, source entries nor CDs', () => {
    expect(chooseMirror(parseOneLineSources(ONE_LINE))).toEqual({
      uri: 'http://mirror.example/debian',
      signedBy: '/keys/archive.gpg',
    });
    const unusable = ONE_LINE.split('\n').filter((line) => !line.startsWith('deb ['));
    expect(chooseMirror(parseOneLineSources(unusable.join('\n')))).toBeUndefined();
  });

  test('a path that ends in /debian goes before other archives', () => {
    expect(chooseMirror(parseDeb822Sources(DEB822))?.uri).toBe('http://mirror.example/debian/');
  });

  test('a mirror list serves where nothing else does', () => {
    const list = 'deb mirror+file:/etc/apt/mirrors/debian.list bookworm main';
    expect(chooseMirror(parseOneLineSources(list))?.uri).toBe('mirror+file:/etc/apt/mirrors/debian.list');
  });
});
