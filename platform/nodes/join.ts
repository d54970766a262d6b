/** Secrets to join by: made for somebody, shown to them once, used once, and over within an hour. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { ClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { openFile, sealFile } from '#platform/shared-files/seal-file.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Bundle } from './bundle.ts'
import { isProof, sealBundle, writeJoinSecret } from './join-secret.ts'
import type { NodeStore } from './store.ts'

export type Joining = {
  /** Throws `invalid_input` for an address that no other machine reaches. */
  ask(q: { caller: string; url: string; minutes: number }): Promise<{ id: string; expiresAt: string }>
  /** The text to hand over. Throws `not_found` for another caller, or when it was shown or is over. */
  show(q: { caller: string; id: string }): Promise<string>
  /** What a new node gets for its proof, once. Throws `unauthorized`, whatever is wrong with it. */
  use(q: { id: string; proof: string }): Promise<Buffer>
}

export function createJoining(q: {
  store: Pick<NodeStore, 'now' | 'addSecret' | 'secret' | 'mark'>
  keys: ClusterKeys
  /** What its secrets are bound to. */
  server: string
  bundle: () => Promise<Bundle>
  /** A proof that was wrong. */
  onRefused: (id: string) => void
}): Joining {
  const { store, keys } = q
  // Whoever can write to the database makes no secret of another, and none that is over good again.
  const boundTo = (row: { id: string; asked_by: string; url: string; expires_at: string }) => ({
    ...{ scope: q.server, change: 0 },
    name: `join-secret ${JSON.stringify([row.id, row.asked_by, row.url, row.expires_at])}`,
  })

  async function keyOf(
    id: string,
  ): Promise<{ id: string; key: Buffer; url: string; askedBy: string } | undefined> {
    const row = await store.secret(id)
    const opened = row && openFile(keys, boundTo(row), row.sealed)
    if (row === undefined || opened === undefined || 'failure' in opened) return undefined
    return opened.content && { id, key: opened.content, url: row.url, askedBy: row.asked_by }
  }

  return {
    async ask({ caller, url, minutes }) {
      const id = randomUUID()
      const expiresAt = new Date((await store.now()) + minutes * 60_000).toISOString()
      const row = { id, asked_by: caller, url, expires_at: expiresAt }
      await store.addSecret({ ...row, sealed: sealFile(keys, boundTo(row), randomBytes(32)) })
      return { id, expiresAt }
    },
    async show({ caller, id }) {
      const found = await keyOf(id)
      if (found === undefined || found.askedBy !== caller || !(await store.mark(id, 'shown_at')))
        throw new Fault('not_found', {
          what: say`no such secret waits for you: it was shown, or is over`,
        })
      return writeJoinSecret(found)
    },
    async use({ id, proof }) {
      const found = await keyOf(id)
      if (found === undefined || !isProof(found, proof)) {
        q.onRefused(id)
        throw refused()
      }
      const plain = Buffer.from(JSON.stringify(await q.bundle()))
      // Last, so that a file that cannot be read costs no secret.
      if (!(await store.mark(id, 'used_at'))) throw refused()
      return sealBundle(found, plain)
    },
  }
}

function refused(): Fault {
  return new Fault('unauthorized', { what: say`the secret to join by is wrong, was used, or is over` })
}
