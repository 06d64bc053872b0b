import { latin1 } from './kernel-reader.ts';

/**
 * What a kernel writes about itself for dump tools (kernel/vmcore_info.c): lines such as `OSRELEASE=6.1.0`,
 * `SYMBOL(_stext)=ffffffff81000000`, `NUMBER(phys_base)=0`.
 */
export class VmcoreInfo {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** `OSRELEASE`, the release of the kernel. */
  get release(): string | undefined {
    return this.#values.get('OSRELEASE');
  }

  /** `PAGESIZE` in bytes. */
  get pageSize(): number | undefined {
    const text = this.#values.get('PAGESIZE');
    const size = text === undefined ? Number.NaN : Number(text);
    return Number.isInteger(size) && size > 0 ? size : undefined;
  }

  /** `SYMBOL(name)`: a virtual address. */
  symbol(name: string): bigint | undefined {
    return hexadecimal(this.#values.get(`SYMBOL(${name})`));
  }

  /** `NUMBER(name)`: decimal, or hexadecimal after 0x. */
  number(name: string): bigint | undefined {
    const text = this.#values.get(`NUMBER(${name})`);
    return text !== undefined && /^(?:-?\d+|0x[0-9a-f]+)$/iu.test(text) ? BigInt(text) : undefined;
  }

  /** `OFFSET(struct.member)` in bytes. */
  offset(name: string): number | undefined {
    const text = this.#values.get(`OFFSET(${name})`);
    return text !== undefined && /^\d{1,9}$/u.test(text) ? Number(text) : undefined;
  }

  /** A line without parentheses whose value is hexadecimal: `KERNELOFFSET`. */
  address(name: string): bigint | undefined {
    return hexadecimal(this.#values.get(name));
  }
}

/** Read the text of a VMCOREINFO note or of vmcoreinfo_data; undefined if it is none. */
export function parseVmcoreInfo(bytes: Uint8Array): VmcoreInfo | undefined {
  const end = bytes.indexOf(0);
  const text = latin1(end < 0 ? bytes : bytes.subarray(0, end));
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1));
  }
  return values.has('OSRELEASE') && values.has('PAGESIZE') ? new VmcoreInfo(values) : undefined;
}

function hexadecimal(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{1,16}$/iu.test(text) ? BigInt(`0x${text}`) : undefined;
}
