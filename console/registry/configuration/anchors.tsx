/**
 * The configuration anchors, by which security servers trust the configuration, with the hash that people
 * compare.
 */
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { save } from '../../kit/save.ts'
import { text } from '../../kit/text.ts'

const KINDS = ['internal', 'external'] as const

export function Anchors({ hasKey }: { hasKey: boolean }) {
  return (
    <Part title={text('anchors.title')}>
      {hasKey ? (
        <ul class="plain-list ruled">
          {KINDS.map((kind) => (
            <li key={kind}>
              <Anchor kind={kind} />
            </li>
          ))}
        </ul>
      ) : (
        <Empty>
          <p>{text('anchors.none')}</p>
        </Empty>
      )}
    </Part>
  )
}

function Anchor({ kind }: { kind: (typeof KINDS)[number] }) {
  const anchor = useAnswer<string>('getAnchor', { params: { kind } })
  const hash = anchor.state === 'there' ? (anchor.headers.get('x-anchor-hash') ?? '') : ''
  return (
    <>
      <p>
        <strong>{text(kind === 'internal' ? 'anchors.internal' : 'anchors.external')}</strong>{' '}
        <span class="beside">
          {text(kind === 'internal' ? 'anchors.internalWhy' : 'anchors.externalWhy')}
        </span>
      </p>
      <Show of={anchor}>
        {(content) => (
          <>
            <p>
              <span class="beside">{text('anchors.hash')}</span>{' '}
              <Copyable value={hash} label={text('anchors.hash')} />
            </p>
            <div class="acts">
              <button type="button" onClick={() => save(fileOf(kind, content))}>
                {text(kind === 'internal' ? 'anchors.downloadInternal' : 'anchors.downloadExternal')}
              </button>
            </div>
          </>
        )}
      </Show>
    </>
  )
}

/** The file that the shown hash belongs to. */
function fileOf(kind: string, content: string): File {
  return new File([content], `${kind}-configuration-anchor.xml`, { type: 'text/xml' })
}
