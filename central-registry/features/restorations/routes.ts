/**
 * Handlers of the operations on a restored register: show what it is and what it has lost, and accept it with
 * two administrators.
 */
import { hash } from 'node:crypto'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { RestorationRow } from '../../register/tables.ts'
import { endingKeys, lossOf, type Waiting } from './rules.ts'
import type { RestorationStore } from './store.ts'
import { keysAfter, withdrawn } from './taken-away.ts'

/** Roles that may accept, and therefore see people and keys. */
const ACCEPTS = ['XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR']

export function restorationHandlers(q: {
  store: Pick<RestorationStore, 'list' | 'accept'>
  waiting(): Promise<Waiting | undefined>
  audit: Pick<AuditLog, 'before'>
  clock: Clock
}): Record<string, OperationHandler> {
  return {
    getRestoration: async ({ caller }) => {
      const waiting = await q.waiting()
      const mayAccept = caller.roles.some((role) => ACCEPTS.includes(role))
      return {
        state: waiting === undefined ? 'none' : 'waiting',
        ...(waiting === undefined ? {} : shown(waiting)),
        ...(waiting === undefined || !mayAccept ? {} : { comesBack: waiting.comesBack }),
        accepted: (await q.store.list()).map(described),
      }
    },
    acceptRestoredRegistry: async ({ body, caller, approver }) => {
      const { contentSha256, keepApiKeys, keepTrust } = body as {
        contentSha256: string
        keepApiKeys: string[]
        keepTrust: string[]
      }
      const waiting = await q.waiting()
      if (waiting === undefined) throw new Fault('conflict', { what: say`nothing waits to be accepted` })
      const { content, known, restored, comesBack, takenAway, standing } = waiting
      if (waiting.contentSha256 !== contentSha256.toLowerCase())
        throw new Fault('conflict', {
          what: say`what was restored, or what others know of it, has another SHA-256 by now: ${waiting.contentSha256}`,
        })
      const accepting = caller.kind === 'key' ? caller.id : undefined
      const ending = endingKeys(comesBack.apiKeys, keepApiKeys, accepting)
      const { suspended } = takenAway
      const trust = withdrawn(takenAway, keepTrust)
      const keys = keysAfter(takenAway, standing, trust)
      await q.audit.before({
        ...{ caller, operation: 'restoredRegistryAccepted', target: '/api/v1/restoration' },
        data: {
          ...{ contentSha256, content: JSON.parse(content) as object, approvedBy: approver?.name },
          endedApiKeys: ending,
          ...{ suspendedAgain: suspended, withdrawnAgain: trust },
          ...{ signingKeysBack: keys.back.map(({ id }) => id), signs: keys.signs },
        },
      })
      await q.store.accept(
        {
          ...{ content, sha256: contentSha256.toLowerCase(), accepted_at: new Date(q.clock()).toISOString() },
          ...{ proposed_by: caller.name, accepted_by: approver?.name ?? caller.name },
          configuration_index: known.index,
          suspension_list: known.suspensionList,
          leaves: known.leaves,
        },
        { index: restored.index, suspensionList: restored.suspensionList, leaves: restored.leaves },
        { ending, suspended, trust, keys, by: caller, approver },
      )
    },
  }
}

function shown({ restored, known, claims, content, contentSha256, takenAway, standing }: Waiting) {
  const { suspended, trust } = standing
  return {
    takenAway: {
      ...takenAway,
      signingKeys: takenAway.signingKeys.map(({ id, certificate, signs, isHere }) => ({
        ...{ id, certificateSha256: hash('sha256', Buffer.from(certificate, 'base64')), signs, isHere },
      })),
    },
    standing: { suspended, trust },
    restored,
    known,
    lost: lossOf(restored, known),
    nextIndexAbove: known.index,
    claims,
    content,
    contentSha256,
  }
}

function described(row: RestorationRow) {
  const { content, sha256, accepted_at, proposed_by, accepted_by, configuration_index } = row
  return {
    ...{ contentSha256: sha256, content, acceptedAt: accepted_at, proposedBy: proposed_by },
    ...{ acceptedBy: accepted_by, nextIndexAbove: configuration_index },
  }
}
