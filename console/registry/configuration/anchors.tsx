/** The configuration anchors: what a security server trusts the configuration by, with the hash that people compare. */
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/states.tsx'
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
  const { api } = useConsole()
  const anchor = useAnswer<string>('getAnchor', { params: { kind } })
  const hash = anchor.state === 'there' ? (anchor.headers.get('x-anchor-hash') ?? '') : ''
  const download = async (): Promise<void> => {
    const { data } = await api.call<string>('getAnchor', { params: { kind } })
    const address = URL.createObjectURL(new Blob([data], { type: 'text/xml' }))
    const link = document.createElement('a')
    link.href = address
    link.download = `${kind}-configuration-anchor.xml`
    link.click()
    URL.revokeObjectURL(address)
  }
  return (
    <>
      <p>
        <strong>{text(kind === 'internal' ? 'anchors.internal' : 'anchors.external')}</strong>{' '}
        <span class="beside">
          {text(kind === 'internal' ? 'anchors.internalWhy' : 'anchors.externalWhy')}
        </span>
      </p>
      <Show of={anchor}>
        {() => (
          <>
            <p>
              <span class="beside">{text('anchors.hash')}</span>{' '}
              <Copyable value={hash} label={text('anchors.hash')} />
            </p>
            <div class="acts">
              <button type="button" onClick={() => void download()}>
                {text(kind === 'internal' ? 'anchors.downloadInternal' : 'anchors.downloadExternal')}
              </button>
            </div>
          </>
        )}
      </Show>
    </>
  )
}
