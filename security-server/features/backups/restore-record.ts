/** What the audit log keeps of a restore of this server: the restore writes it, the console reads it. */

/** Its operation there. */
export const RESTORED = 'restoreServer'

/** Who came in again and who did not, by ids; names have no place in what is kept for ever. */
export type RestoreRecord = {
  backupSha256: string
  madeAt: string
  /** SHA-256 of the certificate that signed the backup. */
  signer: string
  letIn: string[]
  locked: string[]
  removed: string[]
  endedApiKeys: string[]
}
