import DataLoader
