/**
 * Archives of the message log: the list, the records in each, and the digests that link each archive to the
 * next.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import { Saved } from '../../kit/saved.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { AskForContent } from '../content-requests/ask.tsx'
import { WHY, whyOf } from '../why.ts'

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

export function ArchivesPage() {
  return (
    <>
      <Head title={text('archives.title')} lead={text('archives.lead')} />
      <CursorTable<Archive>
        operation="findArchives"
        caption={text('archives.title')}
        filters={[
          { name: 'q', title: 'archives.search', type: 'text' },
          { name: 'class', title: 'retention.class', type: 'text' },
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'complete', title: text('archives.complete') },
              { value: 'under-way', title: text('archives.underWay') },
            ],
          },
        ]}
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
                {complete && <span class="beside">{text('archives.verified')} </span>}
                <Time at={createdAt} />
              </>
            ),
          },
          {
            title: 'archives.holds',
            cell: ({ records, containers, size }) => (
              <>
                {text('archives.records', { count: records.length })}
                <br />
                <span class="beside">{text('archives.containers', { count: containers })}</span>
                <br />
                <span class="beside">{text('record.bytes', { bytes: number(size), count: size })}</span>
                {records.length > 0 && <Records of={records} />}
              </>
            ),
          },
          {
            title: 'archives.sha256',
            cell: ({ sha256 }) => <Copyable value={sha256} label={text('archives.sha256')} />,
          },
          {
            title: 'common.acts',
            acts: ['downloadArchive'],
            cell: (one) => (one.complete ? <Take of={one} /> : null),
          },
        ]}
        empty={
          <p>
            {text('archives.empty')} <Link to="/retention">{text('retention.title')}</Link>
          </p>
        }
      />
    </>
  )
}

function Take({ of: { id, file } }: { of: Archive }) {
  const { api } = useConsole()
  return (
    <div class="acts">
      <AskForContent of={{ archiveId: id }} label={text('contentRequests.askForArchive', { file })} />
      <Act<File>
        operation="downloadArchive"
        button={text('archives.take')}
        label={text('archives.takeThis', { file })}
        reads
        title={text('archives.take')}
        consequence={<p>{text('archives.takeConsequence')}</p>}
        fields={WHY}
        send={(values) =>
          api.download('downloadArchive', { params: { id: String(id) }, query: whyOf(values) })
        }
        result={(saved) => <Saved file={saved} />}
      />
    </div>
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
