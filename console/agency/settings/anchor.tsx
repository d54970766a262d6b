/**
 * The configuration anchor: whose configuration this server believes. A new one is compared by its hash
 * before it is installed.
 */
import { useState } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

export type Anchor = { hash: string; instance: string; generatedAt: string; addresses: string[] }
type Configuration = {
  anchor?: Anchor
  attempt: { lastSuccess?: string; lastError?: { message: string; at: string } }
  own?: { expiresAt: string; isExpired: boolean; source?: string }
}

export function AnchorPart() {
  const found = useAnswer<Configuration>('getGlobalConfiguration')
  return (
    <Part title={text('system.configuration')} acts={<Refresh />}>
      <Show of={found}>
        {({ anchor, attempt, own }) => (
          <>
            {anchor === undefined && <p class="note">{text('system.noAnchor')}</p>}
            {own !== undefined && (
              <Facts
                of={[
                  [
                    'common.state',
                    <Status
                      key="state"
                      tone={own.isExpired ? 'bad' : 'good'}
                      word={own.isExpired ? 'status.expired' : 'status.valid'}
                    />,
                  ],
                  ['certificate.notAfter', <Time key="until" at={own.expiresAt} relative />],
                  [
                    'system.fetched',
                    attempt.lastSuccess === undefined ? (
                      text('system.never')
                    ) : (
                      <Time key="fetched" at={attempt.lastSuccess} relative />
                    ),
                  ],
                  [
                    'system.source',
                    <bdi key="from" class="id">
                      {own.source ?? text('system.fromDisk')}
                    </bdi>,
                  ],
                ]}
              />
            )}
            {attempt.lastError !== undefined && (
              <p class="note wrap inner">
                {text('system.lastFailed')} {attempt.lastError.message}
              </p>
            )}
            {/* Nobody needs it from day to day, and everybody when there is none. */}
            <details open={anchor === undefined}>
              <summary>{text('system.anchor')}</summary>
              <p>{text('system.anchorLead')}</p>
              {anchor !== undefined && <AnchorFacts of={anchor} />}
              <NewAnchor present={anchor} />
            </details>
          </>
        )}
      </Show>
    </Part>
  )
}

export function AnchorFacts({ of }: { of: Anchor }) {
  return (
    <Facts
      of={[
        ['system.instance', <bdi key="instance">{of.instance}</bdi>],
        ['system.generatedAt', <Time key="at" at={of.generatedAt} relative />],
        ['system.addresses', <Addresses key="from" of={of.addresses} />],
        ['system.anchorHash', <Copyable key="hash" value={of.hash} label={text('system.anchorHash')} />],
      ]}
    />
  )
}

function Addresses({ of }: { of: string[] }) {
  return (
    <ul class="plain-list tight">
      {of.map((address) => (
        <li key={address}>
          <bdi class="id">{address}</bdi>
        </li>
      ))}
    </ul>
  )
}

export function Refresh() {
  return (
    <Act<Configuration>
      operation="refreshGlobalConfiguration"
      button={text('system.fetch')}
      title={text('system.fetch')}
      consequence={<p>{text('system.fetchConsequence')}</p>}
      send={(_, call) => call('refreshGlobalConfiguration')}
      result={() => <p>{text('system.fetchedNow')}</p>}
    />
  )
}

/** The file is read first: what it says is compared, then it is installed. */
export function NewAnchor({ present }: { present: Anchor | undefined }) {
  const { api } = useConsole()
  const announce = useAnnounce()
  const [read, setRead] = useState<{ anchor: Anchor; file: File }>()
  if (!useMay('previewAnchor')) return null
  const look = async (file: File): Promise<void> => {
    setRead(undefined)
    const { data } = await api.call<Anchor>('previewAnchor', { body: file })
    setRead({ anchor: data, file })
    announce(text('system.anchorRead'))
  }
  return (
    <>
      {present !== undefined && <h3>{text('system.newAnchor')}</h3>}
      <Form
        fields={[{ name: 'file', title: 'system.anchorFile', hint: 'system.anchorFileHint', type: 'file' }]}
        submit={text('system.readAnchor')}
        send={({ file }) => look(file as File)}
      />
      {read !== undefined && (
        <section class="inner" aria-label={text('system.anchorRead')}>
          <h3>{text('system.anchorRead')}</h3>
          <AnchorFacts of={read.anchor} />
          {read.anchor.hash === present?.hash ? (
            <p class="inner">{text('system.sameAnchor')}</p>
          ) : (
            <Install of={read.anchor} file={read.file} replace={present !== undefined} />
          )}
        </section>
      )}
    </>
  )
}

function Install({ of, file, replace }: { of: Anchor; file: File; replace: boolean }) {
  const operation = replace ? 'replaceAnchor' : 'uploadInitialAnchor'
  return (
    <p class="inner">
      <Act<Configuration>
        operation={operation}
        button={text('system.install')}
        look="primary"
        title={text('system.installThis', { instance: of.instance })}
        consequence={
          <>
            <p>{text('system.installConsequence')}</p>
            <p class="note">{text('system.compareHash')}</p>
          </>
        }
        fields={[
          {
            ...{ name: 'hash', title: 'system.hashGiven', hint: 'system.hashGivenHint', maxLength: 90 },
            check: (value) => (plain(value) === plain(of.hash) ? undefined : text('system.hashDiffers')),
          },
        ]}
        send={(_, call) => call(operation, { body: file, query: { hash: of.hash } })}
        result={({ attempt }) => (
          <>
            <p>{text('system.installed')}</p>
            {attempt.lastError !== undefined && <p class="note wrap">{attempt.lastError.message}</p>}
          </>
        )}
      />
    </p>
  )
}

function plain(hash: string): string {
  return hash.replaceAll(/[:\s]/g, '').toUpperCase()
}
