/** What an operator decides about messages that wait or are dead letters: try again, or give up. */
import { Act } from '../../kit/act.tsx'
import { text } from '../../kit/text.ts'
import type { Box, Delivery } from './words.tsx'

const MAX_REASON = 500

type Props = { box: Box; of: Delivery }

export function Redrive({ box, of: { position, type, delivery } }: Props) {
  const name = type ?? delivery
  return (
    <Act<{ redriven: number }>
      operation="redriveDeliveries"
      button={text('deliveries.redrive')}
      label={text('deliveries.redriveThis', { name })}
      title={text('deliveries.redriveThis', { name })}
      look="primary"
      consequence={
        <>
          <p>{text(`deliveries.redriveConsequence.${box}`)}</p>
          <p>{text('deliveries.redriveOrder')}</p>
        </>
      }
      send={(_, call) => call('redriveDeliveries', { body: { box, positions: [position] } })}
      result={({ redriven }) => (
        <p>{text(redriven === 0 ? 'deliveries.notDead' : 'deliveries.redriven', { count: redriven })}</p>
      )}
    />
  )
}

export function RedriveAll({ box, dead }: { box: Box; dead: number }) {
  return (
    <Act<{ redriven: number }>
      operation="redriveDeliveries"
      button={text('deliveries.redriveAll')}
      title={text('deliveries.redriveAll')}
      consequence={
        <>
          <p>{text('deliveries.redriveAllConsequence', { count: dead })}</p>
          <p>{text(`deliveries.redriveConsequence.${box}`)}</p>
          <p>{text('deliveries.redriveOrder')}</p>
        </>
      }
      send={(_, call) => call('redriveDeliveries', { body: { box } })}
      result={({ redriven }) => <p>{text('deliveries.redriven', { count: redriven })}</p>}
    />
  )
}

/** The type is what must be typed: an id of 36 signs would be copied without being read. */
export function Discard({ box, of: { position, type, delivery, arrived } }: Props) {
  const name = type ?? delivery
  return (
    <Act<{ discarded: number }>
      operation="discardDeliveries"
      button={text('deliveries.discard')}
      label={text('deliveries.discardThis', { name })}
      title={text('deliveries.discardThis', { name })}
      nameToType={name}
      consequence={
        <>
          <p>{text('deliveries.discardConsequence')}</p>
          <p>
            {text(box === 'inbox' ? 'deliveries.discardReceived' : `deliveries.discardArrived.${arrived}`)}
          </p>
        </>
      }
      fields={[
        {
          ...{ name: 'reason', title: 'deliveries.reason', hint: 'deliveries.reasonHint' },
          ...{ type: 'long', maxLength: MAX_REASON },
        },
      ]}
      send={({ reason }, call) =>
        call('discardDeliveries', { body: { box, positions: [position], reason: String(reason).trim() } })
      }
      result={({ discarded }) => (
        <p>{text(discarded === 0 ? 'deliveries.notDiscarded' : 'deliveries.discarded')}</p>
      )}
    />
  )
}
