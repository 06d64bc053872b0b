/**
 * Boots a kernel in software emulation, loads modules, and records what it made of them as a capture folder, which
 * `kelp verify` then checks. Needs QEMU, cross compilers, cpio and depmod; nothing is installed and no network is used.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { KernelTree } from '../../kernels/src/trees.ts';
import { kernelTree } from '../../kernels/src/trees.ts';
import { buildInitrd, unpackModules } from './initrd.ts';
import { machineTypes, qemuCommand, type Run } from './machines.ts';
import { orderModules, parseModuleList, readTables, type ModuleOrder } from './module-order.ts';
import { recordCapture } from './record-capture.ts';

const USAGE = `usage: npx tsx -C @kelp/source tools/lab/src/lab.ts TREE OUTPUT [options]

TREE is a kernel unpacked by the command kernels, with a folder name like 6.12-s390x. OUTPUT becomes a capture folder,
with the guest's own files and console output in OUTPUT/guest.

  --cpu MODEL       QEMU's CPU model with its options
  --smp N           processors, 1 without it
  --append WORDS    more words for the kernel command line, for example "nokaslr mitigations=off"
  --modules FILE    list of modules; tools/lab/modules/common.txt and ARCH.txt without it
  --without NAMES   modules to leave out, separated by commas
  --trace FILE=TEXT write TEXT to a file of tracefs once the modules are loaded; may be repeated, in order:
                    --trace 'set_ftrace_filter=:mod:ext4' --trace current_tracer=function
  --tables FOLDER   where depmod's tables of this kernel are kept between runs
  --timeout SECONDS when to give up, 300 without it
`;

/** Bytes of the disk that the guest writes its archive to: sparse. */
const diskSize = 2 ** 30;

const LISTS = fileURLToPath(new URL('../modules', import.meta.url));

async function main(argv: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      cpu: { type: 'string' },
      smp: { type: 'string', default: '1' },
      append: { type: 'string', default: '' },
      modules: { type: 'string' },
      without: { type: 'string', default: '' },
      trace: { type: 'string', multiple: true, default: [] },
      tables: { type: 'string' },
      timeout: { type: 'string', default: '300' },
    },
  });
  const [treePath, output] = positionals;
  if (treePath === undefined || output === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const tree = openTree(resolve(treePath));
  const guest = join(output, 'guest');
  rmSync(output, { recursive: true, force: true });
  mkdirSync(guest, { recursive: true });

  const lists = values.modules === undefined ? usualLists(tree) : [values.modules];
  const order = chooseModules(tree, lists, values.without, values.tables ?? join(guest, 'tables'));
  const run: Run = {
    architecture: tree.architecture,
    cpu: values.cpu,
    processors: Number(values.smp),
    parameters: values.append,
    kernel: findKernel(tree),
    initrd: join(guest, 'initrd.cpio'),
    disk: join(guest, 'out.img'),
  };
  const files = join(output, 'modules');
  unpackModules(order.modules, files);
  buildInitrd(machineTypes[tree.architecture].compiler, order.modules, values.trace, {
    files,
    tree: join(guest, 'initrd'),
    initrd: run.initrd,
  });
  writeFileSync(run.disk, '');
  truncateSync(run.disk, diskSize);
  const seconds = await boot(run, join(guest, 'console.txt'), Number(values.timeout));
  unpackArchive(run.disk, guest);
  recordCapture(guest, files, output);
  rmSync(run.disk);
  rmSync(run.initrd);
  const loads = readFileSync(join(guest, 'init.log'), 'utf8');
  process.stdout.write(loads.replaceAll(/^load \S+: ok\n/gmu, ''));
  process.stdout.write(`not in this kernel: ${order.absent.join(' ')}\n`);
  process.stdout.write(
    `${output}: ${(loads.match(/: ok$/gmu) ?? []).length} modules, ${seconds.toFixed(0)} s\n`,
  );
  return 0;
}

function openTree(path: string): KernelTree {
  const tree = kernelTree(dirname(path), basename(path));
  if (tree === undefined) throw new Error(`${path} is no unpacked kernel (VERSION-ARCH)`);
  return tree;
}

function usualLists({ architecture }: KernelTree): readonly string[] {
  return ['common.txt', `${architecture}.txt`].map((name) => join(LISTS, name));
}

function chooseModules(
  tree: KernelTree,
  lists: readonly string[],
  without: string,
  tables: string,
): ModuleOrder {
  const left = new Set(without.split(',').map((name) => name.replaceAll('-', '_')));
  const list = lists.flatMap((path) => parseModuleList(readFileSync(path, 'utf8')));
  const made = readTables(tree.modules, tables);
  return orderModules(
    list.filter(({ name }) => !left.has(name)),
    made,
    made.home,
  );
}

/** The kernel image: in boot, or beside the modules since 7.2. */
function findKernel({ folder, modules }: KernelTree): string {
  const folders = [join(folder, 'boot'), ...readdirSync(modules).map((release) => join(modules, release))];
  const found = folders
    .filter((one) => existsSync(one))
    .flatMap((one) => readdirSync(one).map((name) => join(one, name)))
    .find((path) => /^vmlinu[xz](?:-|$)/u.test(basename(path)));
  if (found === undefined) throw new Error(`no kernel image in ${folder}`);
  return found;
}

/** Runs the machine until it switches itself off; returns how many seconds that took. */
async function boot(run: Run, log: string, timeout: number): Promise<number> {
  const { program, parameters } = qemuCommand(run);
  writeFileSync(join(dirname(log), 'qemu-command'), `${[program, ...parameters].join(' ')}\n`);
  const start = performance.now();
  const output = createWriteStream(log);
  const machine = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeout * 1000 });
  machine.stdout.pipe(output, { end: false });
  machine.stderr.pipe(output, { end: false });
  await new Promise((end, fail) => {
    machine.once('error', fail);
    machine.once('close', end);
  });
  output.end();
  await finished(output);
  if (!/^capture: complete/mu.test(readFileSync(log, 'utf8')))
    throw new Error(`no complete capture, see ${log}`);
  return (performance.now() - start) / 1000;
}

function unpackArchive(disk: string, folder: string): void {
  execFileSync('tar', ['-x', '-f', disk, '-C', folder, '--no-same-owner']);
}

process.exitCode = await main(process.argv.slice(2));
