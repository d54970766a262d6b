/**
 * Which signature documents are stored already, so that those of one batch are written once; and against
 * which earlier document a new one is stored as a difference. A document is added only after its commit.
 */
import { encodeDelta } from '../formats/document-delta.ts'
import type { DocumentRow } from '../hot-store.ts'

const MAX_KNOWN = 2048
const MAX_BASES = 32
const PROBE = 24

export type SignatureDocument = { digest: Buffer; base64: string; document: Buffer }

type Base = { id: number; document: Buffer }

type DocumentPlan = {
  /** The id of the stored document: the index of the first record that uses it. */
  idOf(signature: SignatureDocument, idx: number): number
  /** The rows to write. */
  rows: DocumentRow[]
  committed(): void
}

type DocumentMemory = { plan(): DocumentPlan }

export function createDocumentMemory(): DocumentMemory {
  const known = createMemory<number>(MAX_KNOWN)
  const bases = createMemory<Base>(MAX_BASES)
  return {
    plan: () => {
      const newIds = new Map<string, number>()
      const newBases = new Map<string, Base>()
      const rows: DocumentRow[] = []
      const add = ({ digest, document }: SignatureDocument, id: number): void => {
        const probe = probeOf(document)
        const base = newBases.get(probe) ?? bases.get(probe)
        const delta = base === undefined ? undefined : encodeDelta(base.document, document)
        if (delta !== undefined) {
          rows.push({ id, digest, base: base!.id, document: delta })
          return
        }
        rows.push({ id, digest, base: null, document })
        // A copy, because the memory of the group is reused.
        newBases.set(probe, { id, document: Buffer.from(document) })
      }
      return {
        rows,
        idOf: (signature, idx) => {
          const name = signature.base64
          const id = known.get(name) ?? newIds.get(name)
          if (id !== undefined) return id
          newIds.set(name, idx)
          add(signature, idx)
          return idx
        },
        committed: () => {
          for (const [name, id] of newIds) known.set(name, id)
          for (const [probe, base] of newBases) bases.set(probe, base)
        },
      }
    },
  }
}

/**
 * Documents of one signer have the same length and, in their last part, the same certificates and OCSP
 * responses.
 */
function probeOf(document: Buffer): string {
  const at = Math.floor((document.length * 3) / 4)
  return `${document.length}:${document.toString('latin1', at, at + PROBE)}`
}

type Memory<T> = { get(key: string): T | undefined; set(key: string, value: T): void }

/**
 * Keeps at least the newest `limit` values, in two generations: deleting the oldest values one by one would
 * make a Map slow.
 */
function createMemory<T>(limit: number): Memory<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  return {
    get: (key) => young.get(key) ?? old.get(key),
    set: (key, value) => {
      if (young.size >= limit) {
        old = young
        young = new Map()
      }
      young.set(key, value)
    },
  }
}
