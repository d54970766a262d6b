/** The audit record of a restore: the restore writes it, and the console reads it. */

import type { Time } from '#schemas/sent-values.ts'
import type { KeysBack } from './keys-back.ts'

/** The operation in the audit log. */
export const RESTORED = 'restoreServer'

/**
 * Who got access again and who did not, by id. Names are left out because audit records are kept for ever.
 * Those of earlier versions say nothing of keys.
 */
export type RestoreRecord = {
  backupSha256: string
  madeAt: Time
  /** SHA-256 of the certificate that signed the backup. */
  signer: string
  letIn: string[]
  locked: string[]
  removed: string[]
  endedApiKeys: string[]
} & Partial<KeysBack>
