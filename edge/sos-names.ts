/** What belongs to an alert, by name: it goes first, and reaches nobody on the other side of the trip. */

export function isSosEvent(type: string): boolean {
  return type.startsWith('sos.')
}

/** Such as hushryd.sos.v1.SosService/TriggerSos. */
export function isSosMethod(method: string): boolean {
  return method.startsWith('hushryd.sos.')
}
