/**
 * Which signature documents are stored already, so that those of one batch are written once, and which earlier one a
 * new document is stored against as a difference. Nothing enters before its commit.
 */
import { encodeDelta } from '../document-delta.ts'
import type { DocumentRow } from './hot-store.ts'

const MAX_KNOWN = 4096
const MAX_BASES = 64
const PROBE = 24

export type SignatureDocument = { digest: Buffer; document: Buffer }

type Base = { id: number; document: Buffer }

export type DocumentPlan = {
  /** The id under which the document stands, or will: that of the first record that uses it. */
  idOf(signature: SignatureDocument, idx: number): number
  /** What has to be written. */
  rows: DocumentRow[]
  committed(): void
}

export type DocumentMemory = { plan(): DocumentPlan }

export function createDocumentMemory(): DocumentMemory {
  const known = new Map<string, number>()
  const bases = new Map<string, Base>()
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
        // A copy: the group's memory is used again.
        newBases.set(probe, { id, document: Buffer.from(document) })
      }
      return {
        rows,
        idOf: (signature, idx) => {
          const name = signature.digest.toString('latin1')
          const id = known.get(name) ?? newIds.get(name)
          if (id !== undefined) return id
          newIds.set(name, idx)
          add(signature, idx)
          return idx
        },
        committed: () => {
          remember(known, newIds, MAX_KNOWN)
          remember(bases, newBases, MAX_BASES)
        },
      }
    },
  }
}

/** Documents of one signer have the same length and, late in them, the same certificates and status. */
function probeOf(document: Buffer): string {
  const at = Math.floor((document.length * 3) / 4)
  return `${document.length}:${document.toString('latin1', at, at + PROBE)}`
}

function remember<T>(target: Map<string, T>, fresh: Map<string, T>, limit: number): void {
  for (const [key, value] of fresh) {
    target.delete(key)
    target.set(key, value)
  }
  for (const key of target.keys()) {
    if (target.size <= limit) break
    target.delete(key)
  }
}
