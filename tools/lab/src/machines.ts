import type { DebianArchitecture } from '../../kernels/src/package-choice.ts';

/** How QEMU emulates a machine of one architecture, and what builds programs for it. */
export interface MachineType {
  readonly program: string;
  /** The board and its options. */
  readonly machine: readonly string[];
  /** The CPU model where the run names none. */
  readonly cpu: string;
  /** Options that every CPU model gets, by its first word. */
  readonly cpuOptions: ReadonlyMap<string, string>;
  /** How the virtio disk is connected. */
  readonly disk: string;
  /** Options for the console on standard output. */
  readonly console: readonly string[];
  /** The console's name on the kernel command line. */
  readonly consoleName: string;
  /** C compiler for programs of the guest. */
  readonly compiler: string;
}

const serial = ['-serial', 'stdio'];

/** The architectures that kernels are built for and their machines. */
export const machineTypes: Readonly<Record<DebianArchitecture, MachineType>> = {
  amd64: {
    program: 'qemu-system-x86_64',
    machine: ['-machine', 'q35'],
    cpu: 'max',
    cpuOptions: new Map(),
    disk: 'virtio-blk-pci',
    console: serial,
    consoleName: 'ttyS0',
    compiler: 'x86_64-linux-gnu-gcc',
  },
  arm64: {
    program: 'qemu-system-aarch64',
    machine: ['-machine', 'virt,gic-version=3'],
    cpu: 'max',
    // The architected algorithm of pointer authentication makes emulation many times slower.
    cpuOptions: new Map([['max', 'pauth-impdef=on']]),
    disk: 'virtio-blk-pci',
    console: serial,
    consoleName: 'ttyAMA0',
    compiler: 'aarch64-linux-gnu-gcc',
  },
  ppc64el: {
    program: 'qemu-system-ppc64',
    // Software emulation has none of these mitigations.
    machine: ['-machine', 'pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken', '-vga', 'none'],
    cpu: 'power9',
    cpuOptions: new Map(),
    disk: 'virtio-blk-pci',
    console: serial,
    consoleName: 'hvc0',
    compiler: 'powerpc64le-linux-gnu-gcc',
  },
  s390x: {
    program: 'qemu-system-s390x',
    machine: ['-machine', 's390-ccw-virtio'],
    cpu: 'max',
    cpuOptions: new Map(),
    disk: 'virtio-blk-ccw',
    console: ['-chardev', 'stdio,id=c0', '-device', 'sclpconsole,chardev=c0'],
    consoleName: 'ttysclp0',
    compiler: 's390x-linux-gnu-gcc',
  },
};

/** A machine to start. */
export interface Run {
  readonly architecture: DebianArchitecture;
  /** CPU model with its options; the architecture's usual one if undefined. */
  readonly cpu: string | undefined;
  readonly processors: number;
  /** More words for the kernel command line. */
  readonly parameters: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

/** Mebibytes of memory; pseries wants a multiple of 256. */
const memory = '1024';

/** The command that starts a machine in software emulation and ends when the machine is switched off. */
export function qemuCommand(run: Run): { readonly program: string; readonly parameters: readonly string[] } {
  const type = machineTypes[run.architecture];
  const cpu = run.cpu ?? type.cpu;
  const options = type.cpuOptions.get(cpu);
  const words = [`console=${type.consoleName}`, 'loglevel=5', 'panic=-1', run.parameters];
  return {
    program: type.program,
    parameters: [
      ...type.machine,
      ...type.console,
      '-accel tcg -nographic -nodefaults -net none -no-reboot'.split(' '),
      ['-smp', String(run.processors), '-m', memory],
      ['-cpu', options === undefined ? cpu : `${cpu},${options}`],
      ['-kernel', run.kernel, '-initrd', run.initrd],
      ['-append', words.filter((word) => word !== '').join(' ')],
      ['-drive', `file=${run.disk},format=raw,if=none,id=d0,cache=unsafe`],
      ['-device', `${type.disk},drive=d0`],
    ].flat(),
  };
}
