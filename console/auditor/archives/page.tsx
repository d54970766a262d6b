/** Archives: which there are, which records each holds, and the digests by which one follows the other. */
import { Copyable } from '../../kit/copyable.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import type { Page } from '../../kit/frame.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Archive = {
  id: number
  class: string
  file: string
  node: string
  complete: boolean
  size: number
  createdAt: string
  containers: number
  records: number[]
  sha256: string
  lastDigest: string
  manifest: string
}

function ArchivesPage() {
  return (
    <>
      <Head title={text('archives.title')} lead={text('archives.lead')} />
      <CursorTable<Archive>
        operation="findArchives"
        caption={text('archives.title')}
        filters={[{ name: 'class', title: 'retention.class', type: 'text' }]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'archives.file',
            cell: ({ file, node }) => (
              <>
                <bdi class="id wrap">{file}</bdi>
                <br />
                <span class="beside">
                  {text('archives.node')} <bdi>{node}</bdi>
                </span>
              </>
            ),
          },
          { title: 'retention.class', cell: ({ class: name }) => <bdi>{name}</bdi> },
          {
            title: 'common.state',
            cell: ({ complete, createdAt }) => (
              <>
                <Status
                  tone={complete ? 'good' : 'warn'}
                  word={complete ? 'archives.complete' : 'archives.underWay'}
                />
                <br />
                <Time at={createdAt} />
              </>
            ),
          },
          {
            title: 'archives.holds',
            cell: ({ records, containers }) => (
              <>
                {text('archives.records', { count: records.length })}
                <br />
                <span class="beside">{text('archives.containers', { count: containers })}</span>
                {records.length > 0 && <Records of={records} />}
              </>
            ),
          },
          { title: 'archives.size', number: true, cell: ({ size }) => number(size) },
          {
            title: 'archives.sha256',
            cell: ({ sha256 }) => <Copyable value={sha256} label={text('archives.sha256')} />,
          },
        ]}
        empty={<p>{text('archives.empty')}</p>}
      />
    </>
  )
}

function Records({ of }: { of: number[] }) {
  return (
    <details>
      <summary aria-label={text('archives.showRecordsFrom', { index: String(of[0]) })}>
        {text('integrity.show')}
      </summary>
      <p class="id wrap">{of.join(', ')}</p>
    </details>
  )
}

export const archives: Page = {
  path: '/archives',
  title: 'archives.title',
  listed: true,
  operation: 'findArchives',
  View: ArchivesPage,
}
