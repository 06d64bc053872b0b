import { readFileSync } from 'node:fs';
import { parseKernel, type Machine, type ModuleImage, type PlacedSection, type Question } from '@kelp/core';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';

/** Instructions in hexadecimal, as people write them, to bytes in memory. */
export function words(text: string): Uint8Array {
  const bytes = text
    .trim()
    .split(/\s+/u)
    .map((word) => Buffer.from(word, 'hex').toReversed());
  return Uint8Array.from(Buffer.concat(bytes));
}

/** Bytes in memory to instructions in hexadecimal. */
export function toWords(bytes: Uint8Array | undefined): string {
  const hex = Buffer.from(bytes ?? []).toString('hex');
  const each = hex.match(/.{8}/gu) ?? [];
  return each.map((word) => Buffer.from(Buffer.from(word, 'hex').toReversed()).toString('hex')).join(' ');
}

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../testkit/fixtures/arm64/${name}`, import.meta.url));
}

export function fixture(name: string): ObjectFile {
  return parseObjectFile(fixtureBytes(name), name);
}

export function machine(features: Readonly<Record<string, boolean>> = {}): Machine {
  return { pageSize: 4096, smp: false, feature: (name) => features[name], value: () => undefined };
}

/** A section of a module that is not loaded from a file. */
interface TestSection {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly init?: boolean;
}

export interface TestImage extends ModuleImage {
  readonly questions: readonly Question[];
  /** Cause and address of each write. */
  readonly writes: readonly string[];
  words(address: bigint, length: number): string;
}

interface TestImageInput {
  readonly release?: string;
  readonly configuration?: ReadonlyMap<string, string>;
  readonly sections: readonly TestSection[];
  readonly symbols?: Readonly<Record<string, bigint>>;
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
}

/** Memory of a module: bytes at addresses, and a record of what happens to them. */
export function testImage(input: TestImageInput): TestImage {
  const { release = '7.3', configuration, sections, symbols = {}, features, answers = {} } = input;
  const placed = sections.map(({ name, address, bytes, init = false }, index): PlacedSection => ({
    index,
    name,
    address,
    size: bytes.length,
    init,
  }));
  const find = (address: bigint, length: number): Uint8Array | undefined => {
    const one = sections.find(
      (section) =>
        address >= section.address &&
        address + BigInt(length) <= section.address + BigInt(section.bytes.length),
    );
    return one?.bytes.subarray(Number(address - one.address), Number(address - one.address) + length);
  };
  const questions: Question[] = [];
  const writes: string[] = [];
  return {
    object: fixture('hello-7.3.ko'),
    kernel: parseKernel(release, configuration),
    machine: machine(features),
    byteOrder: 'little',
    sections: placed,
    textAddress: sections[0]?.address ?? 0n,
    questions,
    writes,
    words: (address, length) => toWords(find(address, length)),
    section: (name) => placed.findLast((section) => section.name === name),
    read: (address, length) => find(address, length)?.slice(),
    write: (address, bytes, cause) => {
      find(address, bytes.length)?.set(bytes);
      writes.push(`${cause} 0x${address.toString(16)}`);
    },
    externalSymbol: (name) => symbols[name],
    generatedCode: [],
    functionAt: () => undefined,
    ask: (question) => {
      questions.push(question);
      return answers[question.id] ?? question.candidates[0]?.answer ?? '';
    },
  };
}

/** Little-endian bytes of a number. */
export function little(value: bigint, size: number): readonly number[] {
  return Array.from({ length: size }, (_, index) => Number(BigInt.asUintN(8, value >> BigInt(index * 8))));
}
