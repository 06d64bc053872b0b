/** One thing that happens to a livepatch or to the module that it patches. */
export type Step =
  | { readonly do: 'load' }
  | {
      readonly do: 'coming';
      readonly module: string;
      /** Name, address, and `init` for a symbol that is gone once the module runs; in the order of the symbol table. */
      readonly symbols: readonly (readonly [string, string, 'init'?])[];
    }
  | { readonly do: 'going'; readonly module: string }
  | { readonly do: 'disable' };

/** A case of `cases.json`; second_loader/play.py says what each part means. Addresses are hexadecimal. */
export interface Case {
  readonly architecture: string;
  readonly series: string;
  readonly config: readonly string[];
  readonly machine: {
    readonly page_size: number;
    readonly workaround_843419?: boolean;
    readonly nospec_disable?: boolean;
    readonly kernel_toc?: string;
  };
  readonly exports: Readonly<Record<string, string>>;
  readonly vmlinux: readonly (readonly [string, string])[];
  readonly patch: {
    readonly name: string;
    readonly file: string;
    readonly objects: readonly {
      /** null is vmlinux. */
      readonly name: string | null;
      readonly funcs: readonly { readonly old_name: string; readonly old_sympos: number }[];
    }[];
    readonly memories: Readonly<Record<string, string>>;
  };
  readonly steps: readonly Step[];
}

/** The relocation that the loader was at. */
export interface Place {
  readonly relocations: string;
  readonly section: string;
  readonly offset: number;
  readonly type: number;
  readonly symbol: string;
}

/** One memory of the livepatch. */
export interface Memory {
  readonly address: string;
  readonly size: number;
  /** Offset and bytes in hexadecimal; what is not listed is zero. */
  readonly bytes: readonly (readonly [number, string])[];
}

/** What the architecture's loader remembers of a module; the parts that it has. */
export interface LoaderState {
  readonly stubs?: { readonly slots: number; readonly used: number };
  readonly plts?: Readonly<Record<'core' | 'init', { readonly used: number; readonly max: number }>>;
  /** By index of the symbol: offset in GOT or PLT, and 1 once it is initialized. */
  readonly syminfo?: Readonly<
    Record<
      string,
      { readonly got: readonly [number, number] | null; readonly plt: readonly [number, number] | null }
    >
  >;
}

/** What the second loader says of one step. */
export interface Outcome {
  readonly do: Step['do'];
  readonly refused?: {
    readonly errno: string;
    readonly moment: string;
    readonly complaint: string;
    readonly place: Place | null;
  };
  readonly died?: {
    readonly kind: string;
    readonly address: string;
    readonly size: number;
    readonly place: Place | null;
  };
  readonly warnings: readonly string[];
  readonly memories: Readonly<Record<string, Memory>>;
  readonly state: LoaderState;
}

/** The bytes of a memory, with its zeros. */
export function bytesOf({ size, bytes }: Memory): Uint8Array {
  const all = new Uint8Array(size);
  for (const [offset, hex] of bytes) all.set(Buffer.from(hex, 'hex'), offset);
  return all;
}
