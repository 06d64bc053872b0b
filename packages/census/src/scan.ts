import { isKelpError, type Architecture } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import type { CensusBuilder } from './census-builder.ts';
import { FileReader } from './file-reader.ts';
import { Inventory } from './inventory.ts';

/** Scans files one after the other and adds them to a census. */
export class FileScanner {
  readonly #inventory: Inventory;
  readonly #reader = new FileReader();
  readonly #builder: CensusBuilder;

  constructor(architectures: readonly Architecture[], builder: CensusBuilder) {
    this.#inventory = new Inventory(architectures);
    this.#builder = builder;
  }

  /** Add one file. A file that cannot be read or understood is added as failed. */
  async scan(file: string): Promise<void> {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#reader.read(file);
      this.#builder.addInventory(this.#inventory.take(parseObjectFile(bytes, file)));
    } catch (error) {
      if (!isKelpError(error)) throw error;
      this.#builder.addFailure(
        file,
        error,
        bytes === undefined ? undefined : this.#inventory.machineOf(bytes),
      );
    }
  }
}
