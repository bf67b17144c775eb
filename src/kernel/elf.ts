// Sections of a little-endian ELF64 file (System V gABI, chapter 4), as BPF objects are.

export interface ElfSection {
  readonly name: string;
  readonly executable: boolean;
  readonly data: Uint8Array;
}

const EHDR_BYTES = 64;
const SHF_EXECINSTR = 4n;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SYMBOL_BYTES = 24;

/** A named place in a section. */
export interface ElfSymbol {
  readonly name: string;
  readonly section: string;
  /** From the start of the section. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Throws a plain Error when the bytes are not such a file. */
export function elfSections(file: Uint8Array): ElfSection[] {
  return headersOf(file).map(({ name, type, flags, offset, size }) => ({
    name,
    executable: (flags & SHF_EXECINSTR) !== 0n,
    data: type === SHT_NOBITS ? new Uint8Array(0) : file.subarray(offset, offset + size),
  }));
}

/** Of all symbols that stand in a section. Throws a plain Error when the bytes are not such a file. */
export function elfSymbols(file: Uint8Array): ElfSymbol[] {
  const headers = headersOf(file);
  const table = headers.find(({ type }) => type === SHT_SYMTAB);
  if (table === undefined) return [];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const names = headers[table.link]!.offset;
  const symbols: ElfSymbol[] = [];
  for (let at = table.offset; at + SYMBOL_BYTES <= table.offset + table.size; at += SYMBOL_BYTES) {
    const section = headers[view.getUint16(at + 6, true)];
    if (section === undefined) continue;
    symbols.push({
      name: readCString(file, names + view.getUint32(at, true)),
      section: section.name,
      offsetBytes: Number(view.getBigUint64(at + 8, true)),
      sizeBytes: Number(view.getBigUint64(at + 16, true)),
    });
  }
  return symbols;
}

function headersOf(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < EHDR_BYTES || view.getUint32(0, false) !== 0x7f454c46)
    throw new Error('not an ELF file');
  const tableOffset = Number(view.getBigUint64(40, true));
  const entryBytes = view.getUint16(58, true);
  const entryCount = view.getUint16(60, true);
  const header = (index: number) => {
    const at = tableOffset + index * entryBytes;
    return {
      nameOffset: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      flags: view.getBigUint64(at + 8, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
      link: view.getUint32(at + 40, true),
    };
  };
  const names = header(view.getUint16(62, true));
  return Array.from({ length: entryCount }, (_, index) => {
    const { nameOffset, ...rest } = header(index);
    return { name: readCString(file, names.offset + nameOffset), ...rest };
  });
}

/** The bytes up to the next NUL, as latin1. */
export function readCString(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  const length = (end === -1 ? bytes.length : end) - start;
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
}

const PHDR_INTERP = 3;

/** The program interpreter that a dynamic executable names, e.g. /lib64/ld-linux-x86-64.so.2; null when it names none. */
export function elfInterpreter(file: Uint8Array): string | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const header = start + index * size;
    if (view.getUint32(header, true) !== PHDR_INTERP) continue;
    const offset = Number(view.getBigUint64(header + 8, true));
    const length = Number(view.getBigUint64(header + 32, true));
    return Buffer.from(file.subarray(offset, offset + length))
      .toString('latin1')
      .replace(/\0.*$/s, '');
  }
  return null;
}
