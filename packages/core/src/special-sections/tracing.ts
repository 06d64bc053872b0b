import { padding, pcRelative32, pointer, u32, type EntryLayout } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

// Tracepoints, trace events and what hangs on them.

const eventPointer: EntryLayout = {
  size: 8,
  fields: { event: pointer(0) },
  structure: 'include/trace/trace_events.h struct trace_event_call *',
};

/** Tracing tables that are the same on every architecture. */
export const tracingSections: readonly SpecialSection[] = [
  {
    name: '__tracepoints',
    config: 'TRACEPOINTS',
    // Objects that the compiler aligns as it likes: no stride is sure, the kernel walks __tracepoints_ptrs.
    layouts: [],
    consumer: { file: 'kernel/tracepoint.c', symbol: 'tracepoint_module_coming' },
    phase: 'run_time',
    effect: 'struct tracepoint objects with the static key and the functions attached to each tracepoint.',
    hazard: {
      level: 'data',
      reason: 'A copy of a tracepoint is another tracepoint: nobody enables it.',
    },
  },
  {
    name: '__tracepoints_strings',
    config: 'TRACEPOINTS',
    layouts: [],
    phase: 'never',
    effect: 'Names of tracepoints, reached through __tracepoints.',
    hazard: { level: 'none', reason: 'Strings only.' },
  },
  {
    name: '__tracepoint_check',
    // Seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    config: 'TRACEPOINTS',
    layouts: [],
    consumer: { file: 'scripts/tracepoint-update.c' },
    phase: 'build',
    effect: 'Names of the tracepoints that code uses, for a check at build time; left behind in modules.',
    hazard: { level: 'none', reason: 'Strings only.' },
  },
  {
    name: '_ftrace_events',
    config: 'EVENT_TRACING',
    layouts: [eventPointer],
    consumer: { file: 'kernel/trace/trace_events.c', symbol: 'trace_module_notify' },
    phase: 'coming',
    effect: 'Registers the trace events of the module.',
    hazard: {
      level: 'data',
      reason: 'Events are registered before late relocations are written: an unresolved pointer is lost.',
    },
  },
  {
    name: '_ftrace_eval_map',
    config: 'EVENT_TRACING',
    layouts: [
      {
        size: 8,
        fields: { map: pointer(0) },
        structure: 'include/linux/tracepoint-defs.h struct trace_eval_map *',
      },
    ],
    consumer: { file: 'kernel/trace/trace.c', symbol: 'trace_module_notify' },
    phase: 'coming',
    effect: 'Copies the names and values of enumerations for event formats; the maps lie in memory that is freed after init.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  },
  {
    name: '__bpf_raw_tp_map',
    config: 'BPF_EVENTS',
    layouts: [
      {
        size: 32,
        fields: {
          tp: pointer(0),
          bpfFunc: pointer(8),
          numArgs: u32(16),
          writableSize: u32(20),
          pad: padding(24, 8),
        },
        structure: 'include/linux/tracepoint-defs.h struct bpf_raw_event_map',
      },
    ],
    consumer: { file: 'kernel/trace/bpf_trace.c', symbol: 'bpf_event_notify' },
    phase: 'coming',
    effect: 'Makes the raw tracepoints of the module known to BPF.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  },
  {
    name: '__tracepoint_str',
    config: 'TRACING',
    layouts: [
      {
        size: 8,
        fields: { string: pointer(0) },
        structure: 'include/linux/tracepoint.h tracepoint_string',
      },
    ],
    consumer: { file: 'kernel/trace/trace_printk.c', symbol: 'module_trace_bprintk_format_notify' },
    phase: 'coming',
    effect: 'Strings that trace buffers name by address.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  },
  {
    name: '__trace_printk_fmt',
    config: 'TRACING',
    layouts: [{ size: 8, fields: { format: pointer(0) }, structure: 'include/linux/kernel.h trace_printk' }],
    consumer: { file: 'kernel/trace/trace_printk.c', symbol: 'module_trace_bprintk_format_notify' },
    phase: 'coming',
    effect: 'Formats of trace_printk(), copied by the kernel and replaced by the copies.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  },
];

/** __tracepoints_ptrs with one layout. */
function tracepointPointers(layout: EntryLayout): SpecialSection {
  return {
    name: '__tracepoints_ptrs',
    config: 'TRACEPOINTS',
    layouts: [layout],
    consumer: { file: 'kernel/tracepoint.c', symbol: 'tracepoint_module_notify' },
    phase: 'coming',
    effect: 'Lists the tracepoints of the module; modules with a livepatch taint are not left out.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  };
}

/** Tracepoint references of architectures with HAVE_ARCH_PREL32_RELOCATIONS. */
export const prel32TracepointPointers = tracepointPointers({
  size: 4,
  fields: { tracepoint: pcRelative32(0) },
  structure: 'include/linux/tracepoint-defs.h tracepoint_ptr_t',
});

/** Tracepoint references of architectures without HAVE_ARCH_PREL32_RELOCATIONS. */
export const absoluteTracepointPointers = tracepointPointers({
  size: 8,
  fields: { tracepoint: pointer(0) },
  structure: 'include/linux/tracepoint-defs.h tracepoint_ptr_t',
});
