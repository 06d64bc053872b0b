import { CensusBuilder, FileScanner } from '@kelp/census';
import { architectures, usePlugins } from './architectures.ts';
import type { Answer, Request } from './worker-pool.ts';

// One process of the pool: scans what it is told and answers with one census at the end. Its arguments are plugins.
await usePlugins(process.argv.slice(2));
const builder = new CensusBuilder();
const scanner = new FileScanner(architectures, builder);

process.on('message', (request: Request) => {
  void handle(request);
});

async function handle(request: Request): Promise<void> {
  if ('end' in request) {
    answer({ census: builder.census() });
    return;
  }
  for (const file of request.files) await scanner.scan(file);
  answer({ done: request.files.length });
}

function answer(message: Answer): void {
  process.send?.(message);
}
