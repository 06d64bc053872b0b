/** One symbol of a kernel image or of a loaded module. */
export interface KernelSymbol {
  readonly name: string;
  readonly address: bigint;
  /** The letter of nm(1); upper case for global symbols. `?` where it is not known. */
  readonly type: string;
  /** The module that defines it; undefined for the kernel image. */
  readonly module: string | undefined;
}

/** An address as a symbol and the distance to it. */
export interface SymbolicAddress {
  readonly symbol: KernelSymbol;
  /** Address minus the symbol's address, in bytes; never negative. */
  readonly offset: bigint;
}

/** Symbols in columns: a kernel has a quarter of a million. All columns have the same length. */
export interface SymbolColumns {
  readonly names: readonly string[];
  readonly addresses: BigUint64Array;
  /** Character codes of the type letters. */
  readonly types: Uint8Array;
  /** 0 for the kernel image, otherwise 1 + the index in `moduleNames`. */
  readonly modules: Uint32Array;
  readonly moduleNames: readonly string[];
}

/** The symbols of a kernel and its modules, by name and by address. */
export class KernelSymbols implements Iterable<KernelSymbol> {
  readonly #columns: SymbolColumns;
  #byName: Map<string, number | number[]> | undefined;
  #byAddress: Uint32Array | undefined;

  constructor(columns: SymbolColumns) {
    this.#columns = columns;
  }

  /** How many symbols there are. */
  get size(): number {
    return this.#columns.names.length;
  }

  /** All symbols in their order of origin. */
  *[Symbol.iterator](): Generator<KernelSymbol> {
    for (let index = 0; index < this.size; index++) yield this.#symbol(index);
  }

  /** All symbols of a name in their order of origin: names of static functions are not unique. */
  named(name: string): readonly KernelSymbol[] {
    this.#byName ??= indexNames(this.#columns.names);
    const found = this.#byName.get(name);
    if (found === undefined) return [];
    return typeof found === 'number' ? [this.#symbol(found)] : found.map((index) => this.#symbol(index));
  }

  /** The symbols of a name in one module, or in the kernel image where `module` is undefined. */
  namedIn(name: string, module: string | undefined): readonly KernelSymbol[] {
    return this.named(name).filter((symbol) => symbol.module === module);
  }

  /** The address of the first symbol of a name in the kernel image, or undefined. */
  address(name: string): bigint | undefined {
    return this.named(name).find((symbol) => symbol.module === undefined)?.address;
  }

  /**
   * The symbol at an address or the nearest before it, however far; among several at one place the first. Undefined
   * before the first symbol.
   */
  at(address: bigint): SymbolicAddress | undefined {
    const { addresses } = this.#columns;
    this.#byAddress ??= sortByAddress(addresses);
    const order = this.#byAddress;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (addressAt(addresses, order, middle) <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const nearest = addressAt(addresses, order, low - 1);
    while (low > 1 && addressAt(addresses, order, low - 2) === nearest) low--;
    return { symbol: this.#symbol(order[low - 1] ?? 0), offset: address - nearest };
  }

  /** The symbols of a module, or of the kernel image where `module` is undefined, in their order of origin. */
  of(module: string | undefined): readonly KernelSymbol[] {
    const { modules, moduleNames } = this.#columns;
    const wanted = module === undefined ? 0 : moduleNames.indexOf(module) + 1;
    if (module !== undefined && wanted === 0) return [];
    const found: KernelSymbol[] = [];
    for (const [index, one] of modules.entries()) if (one === wanted) found.push(this.#symbol(index));
    return found;
  }

  #symbol(index: number): KernelSymbol {
    const { names, addresses, types, modules, moduleNames } = this.#columns;
    return {
      name: names[index] ?? '',
      address: addresses[index] ?? 0n,
      type: String.fromCharCode(types[index] ?? 0x3f),
      module: moduleNames[(modules[index] ?? 0) - 1],
    };
  }
}

function addressAt(addresses: BigUint64Array, order: Uint32Array, rank: number): bigint {
  return addresses[order[rank] ?? 0] ?? 0n;
}

function indexNames(names: readonly string[]): Map<string, number | number[]> {
  const byName = new Map<string, number | number[]>();
  for (const [index, name] of names.entries()) {
    const before = byName.get(name);
    if (before === undefined) byName.set(name, index);
    else if (typeof before === 'number') byName.set(name, [before, index]);
    else before.push(index);
  }
  return byName;
}

function sortByAddress(addresses: BigUint64Array): Uint32Array {
  // Doubles compare faster than bigints, and as signed numbers most kernel addresses are exact in one.
  const signed = new BigInt64Array(addresses.buffer, addresses.byteOffset, addresses.length);
  const keys = Float64Array.from(signed, Number);
  const order = Uint32Array.from(addresses.keys());
  const key = (index: number): number => keys[index] ?? 0;
  return order.toSorted((a, b) => {
    const [x, y] = [key(a), key(b)];
    // Negative means the upper half of the address space: behind every positive one.
    if (x < 0 !== y < 0) return x < 0 ? 1 : -1;
    if (x !== y) return x - y;
    const [exactA, exactB] = [addresses[a] ?? 0n, addresses[b] ?? 0n];
    return exactA === exactB ? a - b : exactA < exactB ? -1 : 1;
  });
}

/** Collects symbols into columns. */
export class SymbolCollector {
  readonly #names: string[] = [];
  #addresses = new BigUint64Array(1 << 10);
  readonly #types: number[] = [];
  readonly #modules: number[] = [];
  readonly #moduleNames: string[] = [];
  readonly #moduleNumbers = new Map<string, number>();

  get size(): number {
    return this.#names.length;
  }

  /** Add a symbol; `type` is a character code, `module` undefined for the kernel image. */
  add(name: string, address: bigint, type: number, module: string | undefined): void {
    if (this.#names.length === this.#addresses.length) {
      const larger = new BigUint64Array(this.#addresses.length * 2);
      larger.set(this.#addresses);
      this.#addresses = larger;
    }
    this.#addresses[this.#names.length] = address;
    this.#names.push(name);
    this.#types.push(type);
    this.#modules.push(module === undefined ? 0 : this.#moduleNumber(module));
  }

  /** Everything added so far. */
  symbols(): KernelSymbols {
    return new KernelSymbols({
      names: this.#names.slice(),
      addresses: this.#addresses.slice(0, this.#names.length),
      types: Uint8Array.from(this.#types),
      modules: Uint32Array.from(this.#modules),
      moduleNames: this.#moduleNames,
    });
  }

  #moduleNumber(name: string): number {
    const known = this.#moduleNumbers.get(name);
    if (known !== undefined) return known;
    this.#moduleNames.push(name);
    this.#moduleNumbers.set(name, this.#moduleNames.length);
    return this.#moduleNames.length;
  }
}

/**
 * Add what the kernel image exports and the collector does not have yet: kallsyms without CONFIG_KALLSYMS_ALL lists
 * functions only. Their type is `?`.
 */
export function addExports(collector: SymbolCollector, exported: ReadonlyMap<string, bigint>): void {
  const known = collector.symbols();
  for (const [name, address] of exported) {
    if (!known.namedIn(name, undefined).some((symbol) => symbol.address === address)) {
      collector.add(name, address, '?'.charCodeAt(0), undefined);
    }
  }
}

/** Address of a symbol of the kernel image. Exported symbols first: kallsyms may list a local symbol of the same name. */
export function kernelSymbol(symbols: KernelSymbols, name: string): bigint | undefined {
  const named = symbols.namedIn(name, undefined);
  const exported =
    named.find(({ type }) => type === '?') ?? named.find(({ type }) => type === type.toUpperCase());
  return (exported ?? named[0])?.address;
}
