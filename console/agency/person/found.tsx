/** The records that a search found, one row each with a link to its exchange. */
import { Rows } from '../../kit/rows.tsx'
import { Time } from '../../kit/time.tsx'
import { directionText, ExchangeLink, Id, kindText, NamedId, Outcome, type Row, ServerId } from '../words.tsx'

export function FoundRecords({ rows, stale, caption }: { rows: Row[]; stale: boolean; caption: string }) {
  return (
    <Rows<Row>
      caption={caption}
      rows={rows}
      rowKey={({ index }) => index}
      stale={stale}
      columns={[
        {
          title: 'search.record',
          cell: ({ index, time }) => (
            <>
              <ExchangeLink index={index} />
              <br />
              <Time at={time} />
            </>
          ),
        },
        {
          title: 'search.what',
          cell: (row) => (
            <>
              {kindText(row.kind)} <span class="beside">{directionText(row.direction)}</span>
              <br />
              <Outcome {...row} />
            </>
          ),
        },
        {
          title: 'search.parties',
          cell: ({ clientId, serviceId, endpoint }) => (
            <>
              <NamedId of={clientId} />
              <br />
              <span class="beside">→</span> <NamedId of={serviceId} />
              {endpoint !== null && (
                <>
                  <br />
                  <bdi class="beside">{endpoint}</bdi>
                </>
              )}
            </>
          ),
        },
        { title: 'search.peer', cell: ({ peer }) => <ServerId of={peer} /> },
        { title: 'search.queryId', cell: ({ queryId }) => <Id of={queryId} /> },
      ]}
    />
  )
}
