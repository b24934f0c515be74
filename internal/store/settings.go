package store

type setting struct {
	Name  string `gorm:"primaryKey"`
	Value []byte
}
