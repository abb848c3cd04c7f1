/**
 * A driver's and a rider's screen in React Native.
 *
 *   npx @react-native-community/cli init Ride && cd Ride
 *   npm install ../hushryd-sdk-0.1.0.tgz @react-native-async-storage/async-storage \
 *     @react-native-community/geolocation react-native-get-random-values
 *
 * then put this file in the place of App.tsx. Android's emulator reaches the
 * computer that runs `npm start` as 10.0.2.2, iOS's as localhost. Location has
 * to be allowed in AndroidManifest.xml and Info.plist.
 */
import 'react-native-get-random-values'
import { createClient, type HushrydClient, type SosUpdate, storageSosStore } from '@hushryd/sdk'
import AsyncStorage from '@react-native-async-storage/async-storage'
import Geolocation from '@react-native-community/geolocation'
import { useEffect, useState } from 'react'
import { AppState, Button, SafeAreaView, Text } from 'react-native'

const ENDPOINTS = ['http://10.0.2.2:8080', 'http://10.0.2.2:8081']

interface Ride {
  readonly userId: string
  readonly tripId: string
  readonly isDriver: boolean
  /** From your own backend, which signs people in. */
  readonly getToken: () => Promise<string>
}

/** One client for as long as somebody is signed in. */
function useClient({ userId, getToken }: Ride): HushrydClient | undefined {
  const [client, setClient] = useState<HushrydClient>()
  useEffect(() => {
    const made = createClient({
      endpoints: ENDPOINTS,
      token: getToken,
      sosStore: storageSosStore(AsyncStorage, `hushryd.${userId}.`),
    })
    made.connect()
    setClient(made)
    // The system freezes timers in the background: on return the wait is over.
    const appState = AppState.addEventListener('change', (state) => {
      if (state === 'active') made.wake()
    })
    return () => {
      appState.remove()
      made.close()
    }
  }, [userId, getToken])
  return client
}

export function RideScreen(ride: Ride) {
  const { tripId, isDriver } = ride
  const client = useClient(ride)
  const [state, setState] = useState('closed')
  const [waiting, setWaiting] = useState(0)
  const [car, setCar] = useState('nobody seen yet')
  const [sos, setSos] = useState<SosUpdate>()

  useEffect(() => {
    if (client === undefined) return
    const offs = [
      client.on('state', (event) => setState(event.state)),
      client.on('buffer', (event) => setWaiting(event.waiting)),
    ]
    // An alert that the last run of the app could not deliver goes on.
    void client.resumeSos().then(([alert]) => alert?.on('update', setSos))
    return () => {
      for (const off of offs) off()
    }
  }, [client])

  useEffect(() => {
    if (client === undefined || isDriver) return
    return client.followTrip(tripId, {
      onPosition: ({ lat, lng }) => setCar(`${lat.toFixed(5)}, ${lng.toFixed(5)}`),
      onEnd: ({ reason }) => setCar(`the trip is over: ${reason}`),
    })
  }, [client, tripId, isDriver])

  useEffect(() => {
    if (client === undefined || !isDriver) return
    const watch = Geolocation.watchPosition(
      ({ coords, timestamp }) =>
        client.reportPosition(tripId, {
          lat: coords.latitude,
          lng: coords.longitude,
          accuracy: coords.accuracy,
          speed: coords.speed,
          heading: coords.heading,
          timestampMs: timestamp,
        }),
      (error) => setCar(error.message),
      { enableHighAccuracy: true, distanceFilter: 5 },
    )
    return () => Geolocation.clearWatch(watch)
  }, [client, tripId, isDriver])

  return (
    <SafeAreaView>
      <Text>{`${state}, ${waiting} positions wait`}</Text>
      <Text>{car}</Text>
      <Button title="SOS" color="red" onPress={() => client?.raiseSos({ tripId }).on('update', setSos)} />
      <Text>{sos === undefined ? '' : sos.step === 'event' ? sos.event.type : `SOS ${sos.step}`}</Text>
      {sos?.step === 'retrying' && <Text>No answer yet. Call 112 as well.</Text>}
    </SafeAreaView>
  )
}
