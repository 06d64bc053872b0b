/** One way of handling the modules of a livepatch that has been discussed. */
export interface Proposal {
  readonly title: string;
  /** The strategy that plays it. */
  readonly strategy: string;
  readonly changes: string;
  readonly solves: string;
  readonly cannot: string;
}

/** The overview: what the kernel does today first. What each comes to is measured, and stands in the tables. */
export const proposals: readonly Proposal[] = [
  {
    title: 'Status quo',
    strategy: 'kernel',
    changes:
      'Nothing. Relocations against a module are written when the module is there, after the livepatch was finalized; x86-64 alone clears them when it goes (since 6.3).',
    solves: 'Livepatches can be loaded before the modules that they patch.',
    cannot:
      'Survive a reload on every architecture: see the tables. What finalization reads (jump labels, static calls, alternatives, sorted tables) is read before it is relocated.',
  },
  {
    title: 'Clear on removal',
    strategy: 'clear',
    changes:
      "Each architecture gets a clear_relocate_add() that undoes fields and gives back stubs, GOT slots and PLT entries, with the loader's memory of them.",
    solves:
      'Every reload is like the first load: no refusal, no old address, no leaked slot, as long as slots are given back in the order in which they were taken.',
    cannot:
      'Help with what fails at the first application: stores into read-only memory, PLT entries of arm64 out of reach, special sections. A stub in front of one that is used stays until that one goes.',
  },
  {
    title: 'Tools that handle special sections (klp-convert)',
    strategy: 'kernel',
    changes:
      'The tool that makes a livepatch also converts relocations of special sections, such as keys of jump labels in modules, instead of refusing them.',
    solves:
      'Symbols of vmlinux: their relocations are written in time. Livepatches build that are refused or cut down today.',
    cannot:
      'Change when the kernel writes: relocations against modules come after the tables were sorted and read. The sample `jump-label` is such a livepatch.',
  },
  {
    title: 'One livepatch module per object',
    strategy: 'per-object',
    changes:
      'A livepatch is a set of modules: one for vmlinux, and one for each module, loaded when that module is loaded, relocated like any module, and removed with it.',
    solves:
      'All late writing and clearing: special sections are right, nothing has to be undone, the late code of the architectures can go.',
    cannot:
      'Be one file. Loading a module has to load its livepatch module in time, which user space can fail to do; relocations between the parts and consistency of the set have to be kept.',
  },
  {
    title: 'No late modules',
    strategy: 'early',
    changes:
      'A livepatch is loaded when all of its modules are there, and holds them. Relocations against modules are written with all others.',
    solves: 'The same as one module per object, in one file, with the least code in the kernel.',
    cannot:
      'Patch a module that is loaded later: every module has to be loaded beforehand, or the livepatch has to be replaced by one that knows it.',
  },
  {
    title: 'Replacement modules',
    strategy: 'replace',
    changes:
      'A module is fixed by a new build of it that is loaded instead; the livepatch patches vmlinux and keeps old builds out.',
    solves: 'Relocations against modules altogether: the livepatch has none.',
    cannot:
      'Fix a module that is in use: the old one has to be removed first. Stop insmod by path, old copies in an initramfs, or an old build that is loaded already.',
  },
  {
    title: 'Refuse to remove patched modules',
    strategy: 'pin',
    changes: 'An enabled livepatch takes a reference of each module that it patches.',
    solves: 'Every reload, because there is none.',
    cannot:
      'Remove a patched module before the livepatch is disabled. The first late application stays as it is, with its faults.',
  },
  {
    title: 'Reset memory',
    strategy: 'reset',
    changes:
      'The kernel keeps what stood at the places of late relocations after finalization, and writes it back when the module goes; the loader forgets slots that it made since.',
    solves:
      'The same as clearing, without computing a value again, for all contents of the fields; one implementation for all architectures but for the slots.',
    cannot:
      'Go back to the file: that would undo finalization. A copy of whole sections has to follow every jump label, static call and ftrace site that is switched meanwhile. Faults of the first application stay.',
  },
];
