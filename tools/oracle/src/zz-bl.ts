import { readFileSync } from 'node:fs';
import { parseKernel } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { x86 } from '@kelp/x86';
import { MadeUpKernel } from '/work/main/tools/oracle/src/made-up-kernel.ts';
import { findModules } from '/work/main/tools/kernels/src/trees.ts';
const files = await findModules('/tmp/kdl/trees/6.1-amd64/lib/modules');
const k = new MadeUpKernel(x86, parseKernel('6.1.0-50-amd64'));
const c0 = process.cpuUsage(), t0 = performance.now(); let bytes = 0, writes = 0, refused = 0, findings=0;
const every = Number(process.argv[2] ?? 1); let n = 0;
for (const [i, f] of files.entries()) { if (i % every) continue; n++; const o = parseObjectFile(readFileSync(f), f); const l = k.load(o); if (l.refused) { refused++; console.log(f, l.refused); } findings += l.findings.length; writes += l.image.log.count; for (const a of l.areas) bytes += a.size; }
const c = process.cpuUsage(c0); console.log({ n, wall: performance.now() - t0, cpu: (c.user + c.system) / 1e6, bytes, writes, refused, findings });
