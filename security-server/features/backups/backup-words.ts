/**
 * The words with which the process makes or restores a backup and ends. Apart from what they do, for who only
 * reads the command line.
 */
export const BACKUP_OPTIONS = {
  'make-backup': { type: 'string' },
  'restore-backup': { type: 'string' },
  'backup-key-file': { type: 'string' },
  'let-in': { type: 'string', multiple: true },
  'bring-back': { type: 'string', multiple: true },
  'accept-signer': { type: 'string' },
} as const

type Lists = 'let-in' | 'bring-back'
type Words = Exclude<keyof typeof BACKUP_OPTIONS, Lists> | 'configuration'
export type BackupWords = Partial<Record<Words, string | undefined> & Record<Lists, string[] | undefined>>
