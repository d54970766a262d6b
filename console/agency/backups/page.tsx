/** Backups of this security server: the age of the newest, failures, and the files to download. */
import { BackupParts } from '../../kit/backups.tsx'
import { Head } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { RestoredPart } from './restored.tsx'

export function Backups() {
  return (
    <>
      <Head title={text('backups.title')} lead={text('backups.serverLead')} />
      <RestoredPart />
      <BackupParts
        texts={{
          makeConsequence: 'backups.serverMakeConsequence',
          notConfigured: 'backups.serverNotConfigured',
        }}
      />
    </>
  )
}
