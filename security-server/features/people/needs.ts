/** The parts of the server that this feature uses. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { MessageLog } from '../../message-log/message-log.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  apiKeys: ApiKeys
  audit: AuditLog
  messageLog: Pick<MessageLog, 'auditHeads'>
  settings: { auditing: { contentFourEyes: boolean } }
}
