// Reads the types of a BPF object: its BTF section, as in Documentation/bpf/btf.rst of the kernel.
import { type ElfSymbol, elfSections, elfSymbols, readCString } from './elf.ts';

/** A named integer-sized field of a struct, nested structs flattened to `outer.inner`. */
export interface StructField {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface StructLayout {
  readonly sizeBytes: number;
  readonly fields: readonly StructField[];
}

/** A variable of a data section (`.rodata`, …), which the loader can set before the load. */
export interface DataVariable {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface ObjectTypes {
  struct(name: string): StructLayout | undefined;
  /** All values of an enum by name. */
  enum(name: string): ReadonlyMap<string, number> | undefined;
  variable(section: string, name: string): DataVariable | undefined;
  /** Names of what a data section holds; of `.ksyms` the functions of the kernel that are called. */
  section(name: string): readonly string[];
}

/** Of raw BTF in this machine's byte order, include/uapi/linux/btf.h. */
export const BTF_MAGIC = 0xeb9f;

// BTF_KIND_* of include/uapi/linux/btf.h.
const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

interface RawType {
  readonly name: string;
  readonly kind: number;
  readonly count: number;
  /** Size in bytes or a type id, by kind. */
  readonly sizeOrType: number;
  readonly extraOffset: number;
}

/** Parses the types of a BPF object file. Throws a plain Error on a file that is not one. */
export function readObjectTypes(objectFile: Uint8Array): ObjectTypes {
  const btf = elfSections(objectFile).find((section) => section.name === '.BTF')?.data;
  if (btf === undefined) throw new Error('the object has no .BTF section');
  return new BtfTypes(btf, elfSymbols(objectFile));
}

/** The parts of raw BTF, as byte offsets. */
interface Parts {
  readonly typesStart: number;
  readonly typesEnd: number;
  readonly strings: Uint8Array;
}

function partsOf(btf: Uint8Array, view: DataView): Parts {
  if (btf.byteLength < 24 || view.getUint16(0, true) !== BTF_MAGIC) throw new Error('there is no BTF header');
  const headerBytes = view.getUint32(4, true);
  const typesStart = headerBytes + view.getUint32(8, true);
  const stringsStart = headerBytes + view.getUint32(16, true);
  return {
    typesStart,
    typesEnd: typesStart + view.getUint32(12, true),
    strings: btf.subarray(stringsStart, stringsStart + view.getUint32(20, true)),
  };
}

const kindOf = (info: number) => (info >>> 24) & 0x1f;
const countOf = (info: number) => info & 0xffff;

/** Bytes of a type after its first twelve. */
function extraBytes(kind: number, count: number): number {
  switch (kind) {
    case KIND.INT:
    case KIND.VAR:
    case KIND.DECL_TAG:
      return 4;
    case KIND.ARRAY:
      return 12;
    case KIND.ENUM:
    case KIND.FUNC_PROTO:
      return 8 * count;
    case KIND.STRUCT:
    case KIND.UNION:
    case KIND.DATASEC:
    case KIND.ENUM64:
      return 12 * count;
    default:
      return 0;
  }
}

/** Looks single types up in the BTF of a kernel, which has more than a hundred thousand. */
export class BtfIndex {
  readonly #view: DataView;
  readonly #strings: Buffer;
  /** Where each type begins, by its id; ids start at 1. */
  readonly #offsets: number[] = [0];

  /** Throws a plain Error when the bytes are no BTF. */
  constructor(btf: Uint8Array) {
    this.#view = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
    const { typesStart, typesEnd, strings } = partsOf(btf, this.#view);
    this.#strings = Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength);
    for (let at = typesStart; at < typesEnd; ) {
      this.#offsets.push(at);
      const info = this.#view.getUint32(at + 4, true);
      at += 12 + extraBytes(kindOf(info), countOf(info));
    }
  }

  hasTypedef(name: string): boolean {
    return this.#typedef(name) !== null;
  }

  /** How many arguments the function has that a typedef points to; null when there is no such typedef. */
  argumentsOf(typedef: string): number | null {
    const at = this.#typedef(typedef);
    if (at === null) return null;
    const pointer = this.#target(at);
    return countOf(this.#view.getUint32(this.#target(pointer) + 4, true));
  }

  #target(at: number): number {
    return this.#offsets[this.#view.getUint32(at + 8, true)]!;
  }

  #typedef(name: string): number | null {
    // Names are unique in the strings, each between two NULs.
    const before = this.#strings.indexOf(`\0${name}\0`, 0, 'latin1');
    if (before === -1) return null;
    for (const at of this.#offsets) {
      if (at === 0 || this.#view.getUint32(at, true) !== before + 1) continue;
      if (kindOf(this.#view.getUint32(at + 4, true)) === KIND.TYPEDEF) return at;
    }
    return null;
  }
}

class BtfTypes implements ObjectTypes {
  readonly #view: DataView;
  /** Type ids start at 1; 0 is void. */
  readonly #types: RawType[] = [{ name: 'void', kind: 0, count: 0, sizeOrType: 0, extraOffset: 0 }];
  readonly #strings: Uint8Array;

  /** The BTF of an object does not say where its variables are: that is filled in by who loads it. */
  readonly #symbols: readonly ElfSymbol[];

  constructor(btf: Uint8Array, symbols: readonly ElfSymbol[]) {
    this.#symbols = symbols;
    this.#view = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
    const { typesStart, typesEnd, strings } = partsOf(btf, this.#view);
    this.#strings = strings;
    for (let at = typesStart; at < typesEnd; ) at = this.#readType(at);
  }

  #readType(at: number): number {
    const info = this.#view.getUint32(at + 4, true);
    const kind = kindOf(info);
    const count = countOf(info);
    this.#types.push({
      name: readCString(this.#strings, this.#view.getUint32(at, true)),
      kind,
      count,
      sizeOrType: this.#view.getUint32(at + 8, true),
      extraOffset: at + 12,
    });
    return at + 12 + extraBytes(kind, count);
  }

  #find(kind: number, name: string): RawType | undefined {
    return this.#types.find((type) => type.kind === kind && type.name === name);
  }

  /** Follows typedefs and qualifiers. */
  #resolve(id: number): RawType {
    const transparent: readonly number[] = [
      KIND.TYPEDEF,
      KIND.VOLATILE,
      KIND.CONST,
      KIND.RESTRICT,
      KIND.TYPE_TAG,
    ];
    let type = this.#types[id]!;
    while (transparent.includes(type.kind)) type = this.#types[type.sizeOrType]!;
    return type;
  }

  #sizeOf(type: RawType): number {
    if (type.kind === KIND.PTR) return 8;
    if (type.kind !== KIND.ARRAY) return type.sizeOrType;
    const element = this.#resolve(this.#view.getUint32(type.extraOffset, true));
    return this.#sizeOf(element) * this.#view.getUint32(type.extraOffset + 8, true);
  }

  struct(name: string): StructLayout | undefined {
    const type = this.#find(KIND.STRUCT, name);
    return type && { sizeBytes: type.sizeOrType, fields: this.#fields(type, '', 0) };
  }

  #fields(type: RawType, prefix: string, baseBytes: number): StructField[] {
    const fields: StructField[] = [];
    for (let index = 0; index < type.count; index++) {
      const at = type.extraOffset + 12 * index;
      const name = prefix + readCString(this.#strings, this.#view.getUint32(at, true));
      const member = this.#resolve(this.#view.getUint32(at + 4, true));
      const offsetBytes = baseBytes + this.#view.getUint32(at + 8, true) / 8;
      if (member.kind === KIND.STRUCT) fields.push(...this.#fields(member, `${name}.`, offsetBytes));
      else fields.push({ name, offsetBytes, sizeBytes: this.#sizeOf(member) });
    }
    return fields;
  }

  enum(name: string): ReadonlyMap<string, number> | undefined {
    const type = this.#find(KIND.ENUM, name);
    if (type === undefined) return undefined;
    const values = new Map<string, number>();
    for (let index = 0; index < type.count; index++) {
      const at = type.extraOffset + 8 * index;
      values.set(
        readCString(this.#strings, this.#view.getUint32(at, true)),
        this.#view.getInt32(at + 4, true),
      );
    }
    return values;
  }

  variable(section: string, name: string): DataVariable | undefined {
    return this.#symbols.find((symbol) => symbol.section === section && symbol.name === name);
  }

  section(name: string): string[] {
    const type = this.#find(KIND.DATASEC, name);
    if (type === undefined) return [];
    return Array.from(
      { length: type.count },
      (_, index) => this.#types[this.#view.getUint32(type.extraOffset + 12 * index, true)]!.name,
    );
  }
}
