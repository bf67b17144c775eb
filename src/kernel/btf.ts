// Reads the types of a BPF object: its BTF section, as in Documentation/bpf/btf.rst of the kernel.
import { elfSections, readCString } from './elf.ts';

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
}

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
  return new BtfTypes(btf);
}

class BtfTypes implements ObjectTypes {
  readonly #view: DataView;
  /** Type ids start at 1; 0 is void. */
  readonly #types: RawType[] = [{ name: 'void', kind: 0, count: 0, sizeOrType: 0, extraOffset: 0 }];
  readonly #strings: Uint8Array;

  constructor(btf: Uint8Array) {
    this.#view = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
    if (this.#view.getUint16(0, true) !== 0xeb9f) throw new Error('the .BTF section has no BTF header');
    const headerBytes = this.#view.getUint32(4, true);
    const typesStart = headerBytes + this.#view.getUint32(8, true);
    const typesEnd = typesStart + this.#view.getUint32(12, true);
    const stringsStart = headerBytes + this.#view.getUint32(16, true);
    this.#strings = btf.subarray(stringsStart, stringsStart + this.#view.getUint32(20, true));
    for (let at = typesStart; at < typesEnd; ) at = this.#readType(at);
  }

  #readType(at: number): number {
    const info = this.#view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const count = info & 0xffff;
    this.#types.push({
      name: readCString(this.#strings, this.#view.getUint32(at, true)),
      kind,
      count,
      sizeOrType: this.#view.getUint32(at + 8, true),
      extraOffset: at + 12,
    });
    const extraBytes: Record<number, number> = {
      [KIND.INT]: 4,
      [KIND.ARRAY]: 12,
      [KIND.STRUCT]: 12 * count,
      [KIND.UNION]: 12 * count,
      [KIND.ENUM]: 8 * count,
      [KIND.FUNC_PROTO]: 8 * count,
      [KIND.VAR]: 4,
      [KIND.DATASEC]: 12 * count,
      [KIND.DECL_TAG]: 4,
      [KIND.ENUM64]: 12 * count,
    };
    return at + 12 + (extraBytes[kind] ?? 0);
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
    const type = this.#find(KIND.DATASEC, section);
    if (type === undefined) return undefined;
    for (let index = 0; index < type.count; index++) {
      const at = type.extraOffset + 12 * index;
      const variable = this.#types[this.#view.getUint32(at, true)]!;
      if (variable.name !== name) continue;
      return {
        offsetBytes: this.#view.getUint32(at + 4, true),
        sizeBytes: this.#view.getUint32(at + 8, true),
      };
    }
    return undefined;
  }
}
