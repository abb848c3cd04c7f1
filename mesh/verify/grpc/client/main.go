// A client as another team would write it: from the contract, in Go. It makes a
// trip, reads it back, and asks for what must be refused, and prints what the
// errors say as JSON.
//
//	client DIRECTORY-ADDRESS LOCATION-ADDRESS   with HUSHRYD_SERVICE_KEY
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	directory "hushryd.com/mesh/verify/grpc/gen/hushryd/directory/v1"
	location "hushryd.com/mesh/verify/grpc/gen/hushryd/location/v1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// What an error of the contract tells a client.
type failure struct {
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Domain     string   `json:"domain"`
	Reason     string   `json:"reason"`
	Violations []string `json:"violations,omitempty"`
}

func failureOf(err error) failure {
	told := status.Convert(err)
	found := failure{Code: told.Code().String(), Message: told.Message()}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.Domain, found.Reason = detail.Domain, detail.Reason
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				found.Violations = append(found.Violations, violation.Field)
			}
		}
	}
	return found
}

type report struct {
	TripID     string  `json:"tripId"`
	Nearby     int     `json:"nearby"`
	NoSuchTrip  failure `json:"noSuchTrip"`
	BadRequest  failure `json:"badRequest"`
	Nobody      failure `json:"nobody"`
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func run(directoryAddress, locationAddress, serviceKey string) (report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	asBackend := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+serviceKey)

	toDirectory, err := dial(directoryAddress)
	if err != nil {
		return report{}, err
	}
	defer toDirectory.Close()
	toLocation, err := dial(locationAddress)
	if err != nil {
		return report{}, err
	}
	defer toLocation.Close()
	directoryClient := directory.NewDirectoryServiceClient(toDirectory)
	locationClient := location.NewLocationServiceClient(toLocation)

	trip := &directory.PutTripRequest{
		TripId:       "go-trip",
		DriverId:     "asha",
		PassengerIds: []string{"ravi"},
		Status:       directory.TripStatus_ACTIVE,
	}
	put, err := directoryClient.PutTrip(asBackend, trip)
	if err != nil {
		return report{}, fmt.Errorf("PutTrip: %w", err)
	}
	near, err := locationClient.FindNearby(asBackend, &location.FindNearbyRequest{Lat: 17.4, Lng: 78.5, RadiusM: 1000})
	if err != nil {
		return report{}, fmt.Errorf("FindNearby: %w", err)
	}
	_, missing := locationClient.GetLatestLocation(asBackend, &location.GetLatestLocationRequest{TripId: "no-such-trip"})
	_, invalid := locationClient.FindNearby(asBackend, &location.FindNearbyRequest{Lat: 100, Lng: 200})
	_, nobody := locationClient.FindNearby(ctx, &location.FindNearbyRequest{Lat: 17.4, Lng: 78.5})
	return report{
		TripID: put.GetTripId(),
		Nearby:      len(near.GetDrivers()),
		NoSuchTrip:  failureOf(missing),
		BadRequest:  failureOf(invalid),
		Nobody:      failureOf(nobody),
	}, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client DIRECTORY-ADDRESS LOCATION-ADDRESS")
		os.Exit(2)
	}
	told, err := run(os.Args[1], os.Args[2], os.Getenv("HUSHRYD_SERVICE_KEY"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
