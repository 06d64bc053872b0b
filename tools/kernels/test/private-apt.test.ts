import { expect, test } from 'vitest';
import { aptConfiguration, parseMadison, parsePrintedUris, sourcesStanza } from '../src/private-apt.ts';

test('madison lists name, version and architecture', () => {
  const text = `linux-image-6.1.0-50-s390x:s390x |  6.1.176-1 | http://mirror.example/debian bookworm/main s390x Packages
 linux-base-amd64 | 7.3~rc7-1~exp1 | http://mirror.example/debian experimental/main amd64 Packages
     linux |  6.1.176-1 | http://mirror.example/debian bookworm/main Sources
`;
  expect(parseMadison(text)).toEqual([
    { name: 'linux-image-6.1.0-50-s390x', version: '6.1.176-1', architecture: 's390x' },
    { name: 'linux-base-amd64', version: '7.3~rc7-1~exp1', architecture: 'amd64' },
  ]);
});

test('printed URIs name file and size', () => {
  const text = `Reading package lists...
'http://mirror.example/debian/pool/l/linux_1%3a2_all.deb' linux_1%3a2_all.deb 30529824 SHA256:00ff
`;
  expect(parsePrintedUris(text)).toEqual([{ file: 'linux_1%3a2_all.deb', size: 30529824 }]);
});

test('the sources carry mirror, suites and an embedded key', () => {
  const mirror = { uri: 'http://mirror.example/debian', signedBy: '\n -----BEGIN\n .\n -----END' };
  expect(sourcesStanza(mirror, ['bookworm', 'sid'], ['amd64', 's390x'])).toBe(`Types: deb
URIs: http://mirror.example/debian
Suites: bookworm sid
Components: main
Architectures: amd64 s390x
Signed-By: 
 -----BEGIN
 .
 -----END
`);
});

test('every place where apt keeps something is below the folder', () => {
  const places = aptConfiguration('/somewhere', ['s390x'])
    .split('\n')
    .filter((line) => line.startsWith('Dir::'))
    .map((line) => /"(.*)"/.exec(line)?.[1] ?? '');
  expect(places).not.toHaveLength(0);
  for (const place of places) expect(place).toMatch(/^(\/somewhere\/|\/dev\/null$|[a-z.]+$)/);
});
