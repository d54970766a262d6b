// Writes a key of an external account binding into the database of a step-ca that does not run: add-binding <folder> <kid>. Prints the MAC key.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/smallstep/nosql"
)

// As step-ca writes it, in its order: what is bound is replaced only where the octets are the same.
type key struct {
	ID            string    `json:"id"`
	ProvisionerID string    `json:"provisionerID"`
	Reference     string    `json:"reference"`
	AccountID     string    `json:"accountID,omitempty"`
	MacKey        []byte    `json:"key"`
	CreatedAt     time.Time `json:"createdAt"`
	BoundAt       time.Time `json:"boundAt"`
}

func main() {
	if err := add(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func add(folder, kid string) error {
	db, err := nosql.New(nosql.BadgerV2Driver, folder, nosql.WithValueDir(folder))
	if err != nil {
		return err
	}
	table := []byte("acme_external_account_keys")
	if err := db.CreateTable(table); err != nil {
		return err
	}
	mac := make([]byte, 32)
	if _, err := rand.Read(mac); err != nil {
		return err
	}
	// A provisioner of the settings file has no id: the key names none.
	row, err := json.Marshal(key{ID: kid, MacKey: mac, CreatedAt: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	if err := db.Set(table, []byte(kid), row); err != nil {
		return err
	}
	fmt.Println(base64.RawURLEncoding.EncodeToString(mac))
	return db.Close()
}
