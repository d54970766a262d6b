/**
 * Backups of the register: the age of the newest, failures, a restored register that waits for acceptance,
 * and the files to download.
 */
import { BackupParts } from '../../kit/backups.tsx'
import { Head } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { RestorationParts } from './restoration.tsx'

export function Backups() {
  return (
    <>
      <Head title={text('backups.title')} lead={text('backups.lead')} />
      <RestorationParts />
      <BackupParts
        texts={{ makeConsequence: 'backups.makeConsequence', notConfigured: 'backups.notConfigured' }}
      />
    </>
  )
}
