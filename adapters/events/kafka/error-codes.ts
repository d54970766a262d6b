/**
 * What Kafka's error codes say, as far as the adapter acts upon them; the others are told by their number.
 */

export const CODES = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  rebalanceInProgress: 27,
  illegalGeneration: 22,
  unknownMember: 25,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducer: 59,
  memberIdRequired: 79,
  fencedInstance: 82,
  invalidRecord: 87,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const

const WORDS: Record<number, string> = {
  2: 'a batch is corrupt at the broker',
  3: 'the topic or partition is not there',
  5: 'the partition has no leader',
  6: 'the partition has another leader',
  7: 'the replicas have not confirmed in time',
  10: 'the message is larger than the topic takes',
  14: 'the coordinator is loading',
  15: 'there is no coordinator',
  16: 'another broker coordinates it',
  17: 'the name is none of a topic',
  19: 'fewer replicas are in step than the topic needs',
  20: 'fewer replicas are in step than the topic needs',
  26: 'the session timeout (ackWaitSeconds) is outside what the broker allows',
  29: 'the adapter has no right to the topic',
  30: 'the adapter has no right to the group',
  31: 'the adapter has no right at the cluster',
  33: 'the broker does not know the SASL mechanism',
  58: 'the credentials are refused',
  84: 'the group has reached its most members',
  87: 'the topic does not take such a record',
  100: 'the topic is not the one of before',
}

/** In words, for operators. */
function wordsOf(code: number): string {
  return WORDS[code] ?? `Kafka answers with error ${code}`
}

/** An answer with an error, which says something about the whole request. */
type KafkaError = Error & { kafkaCode: number }

export function kafkaError(code: number, more = ''): KafkaError {
  return Object.assign(new Error(wordsOf(code) + more), { kafkaCode: code })
}

export function codeOf(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'kafkaCode' in thrown ? (thrown as KafkaError).kafkaCode : undefined
}

/** Throws unless the code is that of success. */
export function check(code: number, more?: string): void {
  if (code !== 0) throw kafkaError(code, more)
}
