/** What was applied to this security server from declared files. */
import { AppliedFiles } from '../../kit/applied-files.tsx'
import { text } from '../../kit/text.ts'

export function Revisions() {
  return (
    <AppliedFiles
      lead={text('revisions.lead')}
      drift={text('revisions.drift')}
      none={text('revisions.none')}
    />
  )
}
