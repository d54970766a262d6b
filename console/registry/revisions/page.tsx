/** What was applied to this registry from declared files. */
import { AppliedFiles } from '../../kit/applied-files.tsx'
import { text } from '../../kit/text.ts'

export function Revisions() {
  return (
    <AppliedFiles
      lead={text('revisions.leadAtRegistry')}
      drift={text('revisions.driftAtRegistry')}
      none={text('revisions.noneAtRegistry')}
    />
  )
}
