/**
 * Backups of the register: the age of the newest, failures, a restored register that waits for acceptance, and the files to
 * download.
 */
import { BackupParts } from '../../kit/backups.tsx'
import { Head } from '../../kit/facts.tsx'
import type { Page } from '../../kit/frame.tsx'
import { text } from '../../kit/text.ts'
import { RestorationParts } from './restoration.tsx'

function Backups() {
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

export const backups: Page = {
  path: '/backups',
  title: 'backups.title',
  listed: true,
  operation: 'getBackups',
  View: Backups,
}
