/**
 * Guarantees that a registry with a restored database changes and publishes nothing until two administrators
 * have accepted exactly what was restored.
 */

import { createHash } from 'node:crypto'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { createHighWater } from '../../configuration/high-water.ts'
import type { Reach } from '../../configuration/restored-store.ts'
import type { PrivateKeys } from '../../configuration/signing-keys/private-keys.ts'
import type { SigningKeyStore } from '../../configuration/signing-keys/store.ts'
import { createLeafFile } from '../../configuration/transparency-log/leaf-file.ts'
import type { AccessStore } from './access-store.ts'
import { type AskNode, askNode } from './client.ts'
import { keysHere } from './keys-here.ts'
import type { Memory } from './memory.ts'
import {
  contentOf,
  highest,
  highestOf,
  isBehind,
  judged,
  mostTelling,
  type Restored,
  type Waiting,
  WHILE_WAITING,
} from './rules.ts'
import type { RestorationStore } from './store.ts'
import { takenAwayFrom } from './taken-away.ts'

export type RestoredRegister = {
  /** Everything that two administrators see before they accept; undefined when no acceptance is needed. */
  waiting(): Promise<Waiting | undefined>
  /**
   * Undefined when the register is open; otherwise a sentence, for the health report, that it waits for
   * acceptance.
   */
  isClosed(): Promise<string | undefined>
  /**
   * Throws `registry_restored` for an operation that has to wait, and for API keys, because a key may have
   * been revoked after the backup. Throws `not_in_person` for an API key that tries to accept.
   */
  admit(operation: { id: string; method: string }, caller: Caller): Promise<void>
  /**
   * The same for listeners without operations: refuses every request that is not GET, except at the addresses
   * in `open`.
   */
  guard(app: FastifyInstance, open?: string[]): void
  /**
   * Runs `act` once the register is accepted, or at once if it was not restored. The returned function ends
   * the waiting.
   */
  whenOpen(act: () => Promise<void>): Promise<() => void>
}

const MOST_SERVERS = 50
const LOOK_MS = 500

export function openRestoredRegister(q: {
  store: Pick<RestorationStore, 'restored' | 'accepted' | 'standing'>
  access: Pick<AccessStore, 'endSessions' | 'comesBack'>
  directory: string
  keys: Pick<SigningKeyStore, 'list'>
  privateKeys: Pick<PrivateKeys, 'open'>
  otherUrls: readonly string[]
  fourEyes(): Promise<boolean>
  hasLogin: boolean
  memory: Pick<Memory, 'read'>
  /** The newest configuration index that each server has reported. */
  reportedIndexes(): Promise<{ server: string; index: number }[]>
  ask?: AskNode
  audit: Pick<AuditLog, 'before'>
  clock: Clock
  log: Log
}): RestoredRegister {
  const { store, access } = q
  /**
   * Whether this process has noticed that the register waits, and has ended the sessions that were restored
   * with it.
   */
  let isNoticed = false
  /** For a moment, reading skips the check whether the database was restored. */
  let openUntil = 0
  const notice = async (): Promise<void> => {
    if (isNoticed) return
    await access.endSessions()
    isNoticed = true
  }
  const at = (name: string): string => path.join(q.directory, name)
  const index = createHighWater(at('highest-published-index'))
  const list = createHighWater(at('highest-suspension-list'))
  const leaves = createLeafFile(at('transparency-log-leaves'))
  /**
   * Reads the marks before the database: whatever is published meanwhile raises the database's numbers first.
   */
  const readMarks = async (): Promise<Reach> => ({
    index: await index.read(),
    suspensionList: await list.read(),
    leaves: await leaves.size(),
  })

  async function look(): Promise<{ marks: Reach; restored: Restored; accepted: Reach; isClosed: boolean }> {
    const marks = await readMarks()
    const restored = await store.restored()
    const accepted = await store.accepted()
    const isClosed = restored.backup !== null || isBehind(restored, accepted, marks)
    return { marks, restored, accepted, isClosed }
  }

  async function waiting(): Promise<Waiting | undefined> {
    const { marks, restored, accepted, isClosed } = await look()
    if (!isClosed) return undefined
    const own = highest([marks, restored, accepted])
    const remembered = await q.memory.read()
    // A node that was not restored has signed with the newer key.
    const certificates = [
      ...(await q.keys.list()).map(({ certificate }) => certificate),
      ...(remembered?.signingKeys ?? []).map(({ certificate }) => Buffer.from(certificate, 'base64')),
    ]
    const answers = await Promise.all(
      q.otherUrls.map(async (url) => ({ source: url, index: await (q.ask ?? askNode)(url, certificates) })),
    )
    const nodes = answers.flatMap(({ source, index: seen }) =>
      seen === undefined ? [] : [judged({ source, kind: 'node', index: seen }, own)],
    )
    const reported = (await q.reportedIndexes()).map(({ server, index: seen }) =>
      judged({ source: server, kind: 'server', index: seen }, own),
    )
    const claims = [...nodes, ...mostTelling(reported, MOST_SERVERS)]
    const proved = { ...own, index: highestOf(nodes, own.index) }
    const known = { ...own, index: highestOf(reported, proved.index) }
    const comesBack = await access.comesBack(new Date(q.clock()).toISOString())
    const standing = await store.standing(new Date(q.clock()))
    const here = await keysHere(remembered?.signingKeys ?? [], q.privateKeys)
    const takenAway = takenAwayFrom(standing, remembered, here)
    const content = contentOf(restored, proved, comesBack, { of: takenAway, standing })
    return {
      ...{ restored, known, claims, comesBack, takenAway, standing, content },
      contentSha256: createHash('sha256').update(content).digest('hex'),
    }
  }

  async function isClosed(): Promise<string | undefined> {
    const { marks, restored, isClosed: closed } = await look()
    if (!closed) return undefined
    return `an older database was restored, at index ${restored.index}, where index ${marks.index} was published: it waits until two administrators have accepted it`
  }

  const refuse = async (): Promise<void> => {
    if ((await look()).isClosed) throw new Fault('registry_restored')
  }

  return {
    waiting,
    isClosed,
    async admit({ id, method }, caller) {
      const isAcceptance = id === 'acceptRestoredRegistry'
      if (isAcceptance && q.hasLogin && caller.kind !== 'person') throw new Fault('not_in_person')
      if (method === 'GET' && performance.now() < openUntil) return
      if (!(await look()).isClosed) {
        isNoticed = false
        openUntil = performance.now() + LOOK_MS
        return
      }
      await notice()
      if (q.hasLogin && caller.kind === 'key')
        throw new Fault('registry_restored', { what: say`until then no API key opens anything` })
      if (method === 'GET') return
      if (!WHILE_WAITING.has(id)) throw new Fault('registry_restored')
      if (isAcceptance && q.hasLogin && !(await q.fourEyes()))
        throw new Fault('conflict', {
          what: say`two administrators are needed first: do the installation ceremony`,
        })
    },
    guard(app, open = []) {
      app.addHook('onRequest', async (request) => {
        const [address = ''] = request.url.split('?', 1)
        if (request.method !== 'GET' && !open.includes(address)) await refuse()
      })
    },
    async whenOpen(act) {
      const why = await isClosed()
      if (why === undefined) {
        await act()
        return () => undefined
      }
      q.log.error({ why }, 'nothing is published or changed')
      await notice()
      const { content, contentSha256 } = (await waiting())!
      await q.audit.before({
        ...{
          caller: { id: '', name: 'operator' },
          operation: 'startRestoredRegistry',
          target: '/api/v1/restoration',
        },
        data: { contentSha256, content: JSON.parse(content) as object },
      })
      let timer: NodeJS.Timeout | undefined
      let stopped = false
      // Also for a check that was running when it stopped: it would otherwise query a closed database for
      // ever.
      const again = (): void => {
        if (stopped) return
        timer = setTimeout(() => {
          isClosed()
            .then((still) => (still === undefined && !stopped ? act() : again()))
            .catch((err: unknown) => {
              if (!stopped) q.log.error({ err }, 'whether the restored registry was accepted cannot be told')
              again()
            })
        }, LOOK_MS)
      }
      again()
      return () => {
        stopped = true
        clearTimeout(timer)
      }
    },
  }
}
