import { closeSync, constants, openSync, readSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { MachineText } from '@kelp/core';
import { fileFault, systemCode } from './file-fault.ts';
import { releaseOf } from './kernel-snapshot.ts';

/** Where procfs, sysfs, device files and kernel configurations are. */
export interface LivePaths {
  readonly proc: string;
  readonly sys: string;
  readonly dev: string;
  readonly boot: string;
}

/** Where procfs has the texts of a capture folder. */
const procFiles: ReadonlyMap<MachineText, string> = new Map([
  ['cmdline', 'cmdline'],
  ['cpuinfo.txt', 'cpuinfo'],
  ['iomem.txt', 'iomem'],
  ['version', 'version'],
  ['vmallocinfo.txt', 'vmallocinfo'],
]);

/** What the running kernel says about its machine; undefined where it does not, or not to everybody. */
export function liveText(paths: LivePaths, name: MachineText): string | undefined {
  if (name === 'vulnerabilities.txt') return vulnerabilities(paths);
  if (name === 'dmesg.txt') return kernelLog(join(paths.dev, 'kmsg'));
  if (name === 'config') return configuration(paths);
  const file = procFiles.get(name);
  return file === undefined ? undefined : readOptional(join(paths.proc, file))?.toString('utf8');
}

function vulnerabilities(paths: LivePaths): string | undefined {
  const folder = join(paths.sys, 'devices', 'system', 'cpu', 'vulnerabilities');
  try {
    const lines = readdirSync(folder)
      .toSorted()
      .map((name) => `${name}: ${readFileSync(join(folder, name), 'utf8').trim()}\n`);
    return lines.join('');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileFault(error, folder);
  }
}

/** /proc/config.gz where the kernel has it, otherwise the file that distributions put beside the kernel. */
function configuration(paths: LivePaths): string | undefined {
  const packed = readOptional(join(paths.proc, 'config.gz'));
  if (packed !== undefined) return gunzipSync(packed).toString('utf8');
  const release = releaseOf(readOptional(join(paths.proc, 'version'))?.toString('utf8') ?? '');
  // Part of a path: a release is one word, and no kernel has a slash in it.
  if (release === undefined || release.includes('/')) return undefined;
  return readOptional(join(paths.boot, `config-${release}`))?.toString('utf8');
}

/** Bytes of the largest record: PRINTK_MESSAGE_MAX. */
const recordSize = 8192;

/** The ring buffer holds fewer records: a log that grows while it is read ends all the same. */
const mostRecords = 2 ** 20;

/** /dev/kmsg, a record a read, as dmesg prints it with levels: Documentation/ABI/testing/dev-kmsg. */
function kernelLog(path: string): string | undefined {
  let file: number;
  try {
    // Without O_NONBLOCK the last read would wait for the next message.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isRefused(error)) return undefined;
    throw fileFault(error, path);
  }
  try {
    return [...records(file)].map(messageLine).join('');
  } finally {
    closeSync(file);
  }
}

function* records(file: number): Generator<string> {
  const buffer = Buffer.alloc(recordSize);
  for (let count = 0; count < mostRecords; count++) {
    let length: number;
    try {
      length = readSync(file, buffer, 0, buffer.length, null);
    } catch (error) {
      // EPIPE: the record was overwritten meanwhile; the next read goes on behind it. EAGAIN: that was the last one.
      if (systemCode(error) === 'EPIPE') continue;
      return;
    }
    if (length === 0) return;
    yield buffer.toString('utf8', 0, length);
  }
}

/** `6,339,5140900,-;message`, with the properties of a device in further lines. */
function messageLine(record: string): string {
  const [, priority = '6', microseconds = '0', message = ''] =
    /^(\d+),\d+,(\d+),[^;]*;([^\n]*)/u.exec(record) ?? [];
  const level = Number(priority) & 7;
  const seconds = (Number(microseconds) / 1e6).toFixed(6).padStart(12);
  return `<${level}>[${seconds}] ${message}\n`;
}

/** A file of the kernel, or undefined where it is not there or not for this user. */
export function readOptional(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isRefused(error)) return undefined;
    throw fileFault(error, path);
  }
}

function isRefused(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'EACCES' || code === 'EPERM';
}
