import { defineConfig } from 'tsup';
import { library } from '../../tsup.base.ts';

// The command has no API: no type declarations. The worker is a file of its own because
// child_process.fork starts it by path.
export default defineConfig({
  ...library,
  entry: { bin: 'src/bin.ts', worker: 'src/worker.ts' },
  splitting: true,
  dts: false,
});
