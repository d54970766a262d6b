/**
 * Developers of two agencies with the client package: they call services, then one sends events that the
 * other receives.
 */
import './client-world.ts'
import './call-services.ts'
import './send-events.ts'
