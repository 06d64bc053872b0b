import { padding, pcRelative32, pointer, u16, u32, type EntryLayout } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

/** .pci_fixup_early, _header, _final, _enable, _resume, _resume_early, _suspend, _suspend_late. */
function pciFixups(layout: EntryLayout): SpecialSection {
  return {
    name: '.pci_fixup_*',
    config: 'PCI_QUIRKS',
    layouts: [layout],
    consumer: { file: 'drivers/pci/quirks.c', symbol: 'pci_fixup_device' },
    phase: 'boot',
    effect: 'Quirks by vendor and device. The kernel reads the tables of vmlinux only: in a module they do nothing.',
    hazard: { level: 'none', reason: 'Never read in a module.' },
  };
}

/** PCI quirks of architectures with HAVE_ARCH_PREL32_RELOCATIONS. */
export const prel32PciFixups = pciFixups({
  size: 16,
  fields: {
    vendor: u16(0),
    device: u16(2),
    class: u32(4),
    classShift: u32(8),
    hookOffset: pcRelative32(12),
  },
  structure: 'include/linux/pci.h struct pci_fixup',
});

/** PCI quirks of architectures without HAVE_ARCH_PREL32_RELOCATIONS. */
export const absolutePciFixups = pciFixups({
  size: 24,
  fields: {
    vendor: u16(0),
    device: u16(2),
    class: u32(4),
    classShift: u32(8),
    pad: padding(12, 4),
    hook: pointer(16),
  },
  structure: 'include/linux/pci.h struct pci_fixup',
});
