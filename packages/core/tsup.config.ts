import { defineConfig } from 'tsup';
import { library } from '../../tsup.base.ts';

// The two entry points share chunks, so that KelpError is one class whichever of them a program uses.
export default defineConfig({
  ...library,
  entry: { index: 'src/index.ts', 'elf/index': 'src/elf/index.ts' },
  splitting: true,
});
