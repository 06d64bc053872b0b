import { SHF_ALLOC, SHF_EXECINSTR, SHF_RELA_LIVEPATCH, SHT_NOBITS, SHT_NULL } from './constants.ts';
import type { FileView } from './file-view.ts';

/** Bytes of one section header in ELF64. */
export const sectionHeaderSize = 64;

/** One section header, read from the file when asked: a view, not a copy. */
export class Section {
  readonly index: number;
  readonly #view: FileView;
  readonly #header: number;
  readonly #resolveName: (offset: number) => string;
  #name: string | undefined;

  constructor(view: FileView, header: number, index: number, resolveName: (offset: number) => string) {
    this.#view = view;
    this.#header = header;
    this.index = index;
    this.#resolveName = resolveName;
  }

  /** Untrusted: may hold anything but NUL. */
  get name(): string {
    this.#name ??= this.#resolveName(this.#view.u32(this.#header));
    return this.#name;
  }

  /** sh_type. */
  get type(): number {
    return this.#view.u32(this.#header + 4);
  }

  /** sh_flags, all 64 bits. */
  get flags(): bigint {
    return this.#view.u64(this.#header + 8);
  }

  /** sh_addr. */
  get address(): bigint {
    return this.#view.u64(this.#header + 16);
  }

  /** sh_offset in bytes from the start of the file. */
  get offset(): number {
    return this.#view.size(this.#header + 24);
  }

  /** sh_size in bytes; a NOBITS section has a size but no bytes. */
  get size(): number {
    return this.#view.size(this.#header + 32);
  }

  /** sh_link. */
  get link(): number {
    return this.#view.u32(this.#header + 40);
  }

  /** sh_info. */
  get info(): number {
    return this.#view.u32(this.#header + 44);
  }

  /** sh_addralign. */
  get alignment(): bigint {
    return this.#view.u64(this.#header + 48);
  }

  /** sh_entsize. */
  get entrySize(): bigint {
    return this.#view.u64(this.#header + 56);
  }

  /** The section has SHF_ALLOC: it takes part in a loaded module. */
  get isAllocated(): boolean {
    return (this.flags & SHF_ALLOC) !== 0n;
  }

  get isExecutable(): boolean {
    return (this.flags & SHF_EXECINSTR) !== 0n;
  }

  /** The section holds relocations that livepatch applies. */
  get isLivepatchRelocation(): boolean {
    return (this.flags & SHF_RELA_LIVEPATCH) !== 0n;
  }

  /** Whether the section's bytes stand in the file. */
  get occupiesFile(): boolean {
    return this.type !== SHT_NOBITS && this.type !== SHT_NULL;
  }

  /** The section's bytes, a view of the file; empty for NOBITS. Its extent was checked when the file was opened. */
  get bytes(): Uint8Array {
    return this.occupiesFile
      ? this.#view.bytes.subarray(this.offset, this.offset + this.size)
      : new Uint8Array();
  }
}
