import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endOnClosedPipe, processIo } from '../../../packages/cli/src/io.ts';
import { main } from '../../../packages/cli/src/main.ts';

// `npm start`: scan the modules that come with the repository and print the coverage matrix. Arguments go to
// `kelp matrix`: npm start -- --format html > matrix.html

endOnClosedPipe();

const fixtures = fileURLToPath(new URL('../../../packages/testkit/fixtures/', import.meta.url));
const io = processIo();
const folder = mkdtempSync(join(tmpdir(), 'kelp-'));
try {
  const census = join(folder, 'census.json');
  const chunks: string[] = [];
  const scanned = await main(['scan', fixtures, '--json'], { ...io, out: (text) => chunks.push(text) });
  writeFileSync(census, chunks.join(''));
  const shown = await main(['matrix', '--census', census, ...process.argv.slice(2)], io);
  // Status 1 means that the matrix lists something not covered: worth reading, no failure of npm start.
  process.exitCode = Math.max(scanned, shown) === 2 ? 2 : 0;
} finally {
  rmSync(folder, { recursive: true });
}
