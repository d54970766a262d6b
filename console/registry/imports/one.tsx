/**
 * One import: what was read, what is taken over and what not, what the old central server must publish, and
 * the decision.
 */
import { BASE } from '../../kit/api.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Done } from '../../kit/done.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { OpenProposals } from '../../kit/open-proposals.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { History } from '../history.tsx'
import { ImportActs, SaveReport } from './acts.tsx'
import {
  ImportState,
  isTooOld,
  LEFT,
  Numbers,
  partName,
  TAKEN,
  titleOf,
  type WholeImport,
} from './import.tsx'

type Row = { id: number; part: string; what: string; why: string }

const TONES: Record<string, Tone> = { notTaken: 'warn', differs: 'warn', missingCertificates: 'warn' }

export function OneImport({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const found = useAnswer<WholeImport>('getImport', { params: { id } })
  return (
    <Show of={found} page="imports.one">
      {(of) => (
        <>
          <Head title={titleOf(of)} lead={<ImportState of={of} />} acts={<ImportActs of={of} />} />
          {of.state === 'OPEN' && (
            <OpenProposals target={`${BASE}/imports/${id}/carry-out`} words="imports.proposed" />
          )}
          {of.state === 'OPEN' && !isTooOld(of) && <p class="note part">{text('imports.waits')}</p>}
          {isTooOld(of) && <p class="note part">{text('imports.tooOldWhy')}</p>}
          <Read of={of} />
          <Part title={text(of.state === 'OPEN' ? 'imports.wouldTake' : 'imports.took')}>
            <Numbers of={of} />
          </Part>
          <Report of={of} />
          <Announcement of={of.announcement} />
          <History of="imports" id={id} />
        </>
      )}
    </Show>
  )
}

function Read({ of }: { of: WholeImport }) {
  const { carryOutBefore, carriedOutAt, carriedOutBy } = of
  return (
    <Part title={text('imports.read')}>
      <p>{text('imports.compareHash')}</p>
      <Facts
        of={[
          [
            'imports.anchorHash',
            <Copyable key="anchor" whole value={of.anchorHash} label={text('imports.anchorHash')} />,
          ],
          ['imports.examined', <Done key="read" at={of.examinedAt} by={of.examinedBy} />],
          ['imports.expiresAt', <Time key="until" at={of.expiresAt} relative />],
          [
            'imports.contentHash',
            <Copyable key="content" value={of.contentHash} label={text('imports.contentHash')} />,
          ],
          ...(carryOutBefore === undefined
            ? []
            : [['imports.carryOutBefore', <Time key="before" at={carryOutBefore} relative />] as Fact]),
          ...(carriedOutAt === undefined
            ? []
            : [
                ['imports.carriedOut', <Done key="done" at={carriedOutAt} by={carriedOutBy ?? ''} />] as Fact,
              ]),
        ]}
      />
    </Part>
  )
}

type Fact = [TextKey, object]

/**
 * What parts ids, and what parts codes of an id in its other form: decoded, the id of another thing would
 * look the same.
 */
const PARTS = /(%(?:2F|3A|25))/i

/**
 * Codes in ids are percent-encoded; people read the letters. What is no such code, or hides signs that nobody
 * sees, stays as it is.
 */
function readable(what: string): string {
  try {
    const decoded = what
      .split(PARTS)
      .map((part) => (PARTS.test(part) ? part : decodeURIComponent(part)))
      .join('')
    return /\p{C}/u.test(decoded) ? what : decoded
  } catch {
    return what
  }
}

function Report({ of: { id, state } }: { of: WholeImport }) {
  return (
    <Part title={text('imports.report')} acts={<SaveReport id={id} />}>
      <p>{text(state === 'OPEN' ? 'imports.reportWhy' : 'imports.reportKept')}</p>
      <Table<Row>
        operation="getImportFindings"
        params={{ id: String(id) }}
        caption={text('imports.report')}
        search="imports.searchReport"
        filters={[
          {
            name: 'part',
            title: 'imports.part',
            options: [
              { value: '', title: text('common.all') },
              ...[...LEFT, ...TAKEN].map((value) => ({ value, title: text(partName(value)) })),
            ],
          },
        ]}
        rowKey={(row) => row.id}
        columns={[
          {
            title: 'imports.part',
            cell: ({ part }) => <Status tone={TONES[part] ?? 'good'} word={partName(part)} />,
          },
          { title: 'imports.what', cell: ({ what }) => <bdi class="wrap">{readable(what)}</bdi> },
          { title: 'imports.why', cell: ({ why }) => <bdi class="wrap">{why}</bdi> },
        ]}
        empty={<p>{text('imports.nothingNew')}</p>}
      />
    </Part>
  )
}

/** For the operator of the old central server, whose servers find this registry with it. */
function Announcement({ of }: { of: string | undefined }) {
  return (
    <Part title={text('imports.move')}>
      <p>{text('imports.moveWhy')}</p>
      {of === undefined ? (
        <p>{text('imports.moveNoKey')}</p>
      ) : (
        <details>
          <summary>{text('imports.showAnnouncement')}</summary>
          <Copyable value={of} label={text('imports.announcement')} />
        </details>
      )}
    </Part>
  )
}
