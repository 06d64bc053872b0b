import { layoutFor, type Architecture, type EntryField, type Kernel, type LivepatchSample } from '@kelp/core';
import { SHF_ALLOC, SHF_WRITE, type ObjectFile } from '@kelp/core/elf';
import { SampleFile } from './sample-file.ts';

/** A livepatch of one module, made by Kelp, that shows what becomes of a kind of reference. */
export interface Sample {
  readonly name: string;
  /** What is in it, in one sentence. */
  readonly description: string;
  readonly livepatch: ObjectFile;
}

/** The samples of an architecture for a kernel; none where the plugin has no data for them. */
export function sampleLivepatches(architecture: Architecture, kernel: Kernel): readonly Sample[] {
  const sample = architecture.livepatch?.sample;
  if (sample === undefined) return [];
  const make = (build: (file: SampleFile) => void): ObjectFile => {
    const file = new SampleFile(architecture, kernel, sample);
    build(file);
    return file.finish();
  };
  const isConstant = (section: string): boolean => section === '.rodata';
  return [
    {
      name: 'code',
      description: 'A function calls the module and uses its data; a variable points into it.',
      livepatch: make((file) => addPlaces(file, sample, (section) => !isConstant(section))),
    },
    {
      name: 'constant',
      description: 'A constant structure points into the module.',
      livepatch: make((file) => addPlaces(file, sample, isConstant)),
    },
    {
      name: 'jump-label',
      description: 'Functions test three static keys of the module, and one of the livepatch.',
      livepatch: make((file) => addJumpLabels(file, architecture, kernel, sample)),
    },
  ];
}

function addPlaces(
  file: SampleFile,
  { places }: LivepatchSample,
  wanted: (section: string) => boolean,
): void {
  for (const [number, place] of places.entries()) {
    if (!wanted(place.section)) continue;
    const { section, bytes, offset, type, addend } = place;
    const start = file.add(section, bytes, 8);
    // An address and its parts are of one variable.
    const name = place.what.endsWith('of data') ? 'variable' : `symbol_${number}`;
    file.referLate(section, start + offset, type, name, addend);
  }
}

/** Entries as the compiler writes them: of one key of the livepatch itself, then of three of the module. */
function addJumpLabels(
  file: SampleFile,
  architecture: Architecture,
  kernel: Kernel,
  { nop }: LivepatchSample,
): void {
  const row = architecture.specialSections.find(({ name }) => name === '__jump_table');
  const layout = row === undefined ? undefined : layoutFor(row, kernel);
  if (layout === undefined) return;
  file.section('__jump_table', SHF_ALLOC | SHF_WRITE, 8);
  const own = file.add('.data', new Uint8Array(16), 8);
  const target = file.add('.text', new Uint8Array(8), 8);
  for (const key of ['own', 'key_1', 'key_2', 'key_3']) {
    const code = file.add('.text', nop, 8);
    const entry = file.add('__jump_table', new Uint8Array(layout.size), 8);
    for (const [name, field] of Object.entries(layout.fields)) {
      const type = pointerType(file, field);
      if (type === undefined) continue;
      const at = entry + field.offset;
      if (name !== 'key') file.refer('__jump_table', at, type, '.text', name === 'code' ? code : target);
      else if (key === 'own') file.refer('__jump_table', at, type, '.data', own);
      else file.referLate('__jump_table', at, type, key, 0);
    }
  }
}

/** The type that fills a pointer field; undefined for other fields. */
function pointerType(file: SampleFile, { kind, size }: EntryField): number | undefined {
  if (kind === 'pc-relative') return file.typeOf('S + A - P', size);
  return kind === 'absolute' ? file.typeOf('S + A', size) : undefined;
}
